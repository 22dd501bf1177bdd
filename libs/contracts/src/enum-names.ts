import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';

/** Word for a column type in code and JSON. */
export type ColumnTypeName = 'numeric' | 'categorical' | 'boolean' | 'text';

/** Word for a task in code and JSON. */
export type TaskName = 'binary' | 'multiclass' | 'multilabel' | 'regression';

const columnTypes: Readonly<Record<ColumnTypeName, ColumnType>> = {
  numeric: ColumnType.COLUMN_TYPE_NUMERIC,
  categorical: ColumnType.COLUMN_TYPE_CATEGORICAL,
  boolean: ColumnType.COLUMN_TYPE_BOOLEAN,
  text: ColumnType.COLUMN_TYPE_TEXT,
};

const tasks: Readonly<Record<TaskName, Task>> = {
  binary: Task.TASK_BINARY,
  multiclass: Task.TASK_MULTICLASS,
  multilabel: Task.TASK_MULTILABEL,
  regression: Task.TASK_REGRESSION,
};

/** Protobuf value of a column type. */
export function columnTypeToProto(name: ColumnTypeName): ColumnType {
  return columnTypes[name];
}

/** Word for a protobuf column type; undefined where it is unspecified or unknown. */
export function columnTypeFromProto(value: ColumnType): ColumnTypeName | undefined {
  return (Object.keys(columnTypes) as ColumnTypeName[]).find((name) => columnTypes[name] === value);
}

/** Protobuf value of a task. */
export function taskToProto(name: TaskName): Task {
  return tasks[name];
}

/** Word for a protobuf task; undefined where it is unspecified or unknown. */
export function taskFromProto(value: Task): TaskName | undefined {
  return (Object.keys(tasks) as TaskName[]).find((name) => tasks[name] === value);
}
