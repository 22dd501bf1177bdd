/** gRPC status names that error codes map to. */
export type GrpcStatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'UNIMPLEMENTED'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED'
  | 'DATA_LOSS'
  | 'INTERNAL';

/** What an error code means to the person who meets it. */
export interface ErrorCodeEntry {
  readonly grpc: GrpcStatusName;
  /** Whether the same call or message may succeed later without a change by the caller. */
  readonly retryable: boolean;
  readonly meaning: string;
  readonly whatToDo: string;
}

const entry = (
  grpc: GrpcStatusName,
  retryable: boolean,
  meaning: string,
  whatToDo: string,
): ErrorCodeEntry => ({ grpc, retryable, meaning, whatToDo });

/**
 * Every error code of Rookery. docs/error-codes.md is held equal to this table by a test; a code is never
 * reused for another meaning.
 */
export const errorCodes = {
  // Messages and events
  RK_MESSAGE_MALFORMED: entry(
    'INVALID_ARGUMENT',
    false,
    'The message is not valid JSON (or protobuf).',
    'Publish a JSON object such as {"name":"…","uri":"…","target":"…"}.',
  ),
  RK_MESSAGE_UNKNOWN_FIELD: entry(
    'INVALID_ARGUMENT',
    false,
    'The message has a field that the event does not know.',
    'Remove or rename the field that is named in the error.',
  ),
  RK_MESSAGE_WRONG_TYPE: entry(
    'INVALID_ARGUMENT',
    false,
    'A field of the message has the wrong type.',
    'Give the field the type that is named in the error.',
  ),
  RK_MESSAGE_MISSING_FIELD: entry(
    'INVALID_ARGUMENT',
    false,
    'A field that the event needs is missing or empty.',
    'Add the field that is named in the error.',
  ),
  RK_MESSAGE_TOO_LARGE: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'The message is larger than the server accepts.',
    'Upload large data through the ingest service, or raise max_payload.',
  ),
  RK_KEY_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'A name or key has characters that are not allowed.',
    'Use 1 to 64 of A-Z, a-z, 0-9, _ and -.',
  ),
  RK_HANDLER_FAILED: entry(
    'INTERNAL',
    true,
    'A handler failed for a reason without a code of its own.',
    'Look at the dead letter: it has the stack and the trace id.',
  ),
  RK_ATTEMPTS_EXHAUSTED: entry(
    'INTERNAL',
    false,
    'A message was tried as often as allowed, or its worker died each time.',
    'Look at the dead letter, mend the cause, publish again.',
  ),
  RK_DEAD_LETTER_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'There is no dead letter with this id: it was redriven, dropped, or is older than 30 days.',
    'List the dead letters: rookery dlq list.',
  ),
  RK_DEAD_LETTER_UNUSABLE: entry(
    'FAILED_PRECONDITION',
    false,
    'The dead letter does not hold what it takes to send the event again.',
    'Publish the event again from its source, then drop the letter.',
  ),
  RK_DEADLINE_EXCEEDED: entry(
    'DEADLINE_EXCEEDED',
    true,
    'The work took longer than its deadline.',
    'Raise the deadline or make the work smaller.',
  ),
  // Bus and storage
  RK_BUS_UNAVAILABLE: entry(
    'UNAVAILABLE',
    true,
    'The message bus can not be reached.',
    'Check nats-server and ROOKERY_NATS_URL.',
  ),
  RK_BUS_NO_STREAM: entry(
    'FAILED_PRECONDITION',
    false,
    'No stream takes this subject.',
    'Start any service once: it creates the streams.',
  ),
  RK_BUS_TOPOLOGY: entry(
    'FAILED_PRECONDITION',
    false,
    'A stream exists with settings that can not be changed in place.',
    'Follow docs/runbooks/broker.md for the difference that is named.',
  ),
  RK_BUS_UNAUTHORISED: entry(
    'FAILED_PRECONDITION',
    false,
    'The message bus refuses the credentials, or has none of this user.',
    'Check ROOKERY_NATS_NKEY, _CREDS, _USER or _TOKEN; docs/runbooks/rotating-credentials.md.',
  ),
  RK_BUS_FORBIDDEN: entry(
    'PERMISSION_DENIED',
    false,
    'The message bus does not let this user do that.',
    'Look who may do what in docs/contracts/permissions.md, and write the users anew: rookery nats users.',
  ),
  RK_STORE_UNAVAILABLE: entry(
    'UNAVAILABLE',
    true,
    'The database can not be reached.',
    'Check MONGODB_URL, or the disk under ROOKERY_DATA_DIR.',
  ),
  RK_STORE_DUPLICATE: entry(
    'ALREADY_EXISTS',
    false,
    'A document with this id or unique key exists.',
    'Use another id, or read the existing one.',
  ),
  RK_STORE_LOCKED: entry(
    'FAILED_PRECONDITION',
    false,
    'Another process has this database folder open.',
    'Stop the other process, or use another ROOKERY_DATA_DIR.',
  ),
  RK_STORE_QUERY: entry(
    'INTERNAL',
    false,
    'The database was given a document, filter or update that it can not hold or evaluate.',
    'Report this: it is a defect.',
  ),
  RK_STORE_CORRUPT: entry(
    'DATA_LOSS',
    false,
    'A database file is damaged before its end; nothing was changed.',
    'Stop the service, move the file away and start it: it rebuilds what the file held from the log (docs/runbooks/lost-database.md).',
  ),
  RK_ARTIFACT_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'No artifact has this sha256.',
    'Check that all services use the same ROOKERY_ARTIFACTS_URL.',
  ),
  RK_ARTIFACT_CORRUPT: entry(
    'DATA_LOSS',
    false,
    'The bytes of an artifact do not have the sha256 that they should.',
    'Restore the artifact, or make it again by publishing the data set again.',
  ),
  RK_ARTIFACT_UNAVAILABLE: entry(
    'UNAVAILABLE',
    true,
    'The artifact store can not be reached.',
    'Check ROOKERY_ARTIFACTS_URL.',
  ),
  RK_ARTIFACT_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'An artifact reference or the artifact store URL is not valid.',
    'Use a lower-case sha256, or a URL that docs/contracts/config.md describes.',
  ),
  RK_CONFIG_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The environment holds an unknown or bad setting.',
    'Correct the variable that is named; docs/contracts/config.md lists all.',
  ),
  // Data sets
  RK_DATASET_URI_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The uri is not of a kind that Rookery reads.',
    'Use file:///…, http(s)://…, artifact:<sha256> or object://<bucket>/<name>.',
  ),
  RK_DATASET_URI_FORBIDDEN: entry(
    'PERMISSION_DENIED',
    false,
    'The uri points to a place that is not allowed.',
    'Put the file below a folder of ROOKERY_FILE_ROOTS, or allow the place.',
  ),
  RK_DATASET_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'There is no file, object or data set there.',
    'Check the uri, and that the ingest service can read it.',
  ),
  RK_DATASET_UNREACHABLE: entry(
    'UNAVAILABLE',
    true,
    'The source of the data set did not answer.',
    'Check the server; Rookery tried several times.',
  ),
  RK_DATASET_EMPTY: entry(
    'INVALID_ARGUMENT',
    false,
    'The file has no rows.',
    'Publish a file with a header and at least two rows.',
  ),
  RK_DATASET_MALFORMED: entry(
    'INVALID_ARGUMENT',
    false,
    'The file can not be read in its format.',
    'Mend the line or the part that is named.',
  ),
  RK_DATASET_RAGGED: entry(
    'INVALID_ARGUMENT',
    false,
    'A row has more or fewer cells than the header.',
    'Mend the line that is named.',
  ),
  RK_DATASET_NUL_BYTE: entry(
    'INVALID_ARGUMENT',
    false,
    'The file has a NUL byte: it is binary or damaged.',
    'Export the file again as UTF-8 text, or give its format.',
  ),
  RK_DATASET_ENCODING: entry('INVALID_ARGUMENT', false, 'The file is not UTF-8.', 'Save the file as UTF-8.'),
  RK_DATASET_DUPLICATE_COLUMN: entry(
    'INVALID_ARGUMENT',
    false,
    'Two columns have the same name, or a name is empty or begins with a byte order mark.',
    'Give every column a name of its own.',
  ),
  RK_DATASET_TOO_LARGE: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'The file, its table, a line or a cell is larger than a limit, or it unpacks to more than one.',
    'Raise the limit that is named, or publish a sample.',
  ),
  RK_DATASET_TOO_MANY_COLUMNS: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'The file has more columns than the limit.',
    'Drop columns, or raise ROOKERY_MAX_COLUMNS.',
  ),
  RK_DATASET_CHECKSUM: entry(
    'INVALID_ARGUMENT',
    false,
    'The file does not have the sha256 that the event gives.',
    'Publish the right file, or the right sha256.',
  ),
  RK_DATASET_FORMAT: entry(
    'INVALID_ARGUMENT',
    false,
    'The format is unknown.',
    'Use csv, jsonl, parquet or arrow.',
  ),
  RK_DATASET_COLUMN_UNKNOWN: entry(
    'INVALID_ARGUMENT',
    false,
    'The event names a column that the file does not have.',
    'Use one of the columns listed in the error.',
  ),
  RK_DATASET_COLUMN_TYPE: entry(
    'INVALID_ARGUMENT',
    false,
    'A cell does not fit the type given for its column.',
    'Correct the cell that is named, or the type.',
  ),
  RK_DATASET_TARGET_MISSING: entry(
    'INVALID_ARGUMENT',
    false,
    'The file has no column with the name of the target.',
    'Use one of the columns listed in the error as target.',
  ),
  RK_DATASET_TARGET_CONSTANT: entry(
    'INVALID_ARGUMENT',
    false,
    'The target has one value only: there is nothing to learn.',
    'Choose another target or publish data with at least two classes.',
  ),
  RK_DATASET_TARGET_NULL: entry(
    'INVALID_ARGUMENT',
    false,
    'Rows have no value in the target.',
    'Remove these rows, or fill in their target; the error has their number.',
  ),
  RK_DATASET_TARGET_TYPE: entry(
    'INVALID_ARGUMENT',
    false,
    'The target does not fit the task.',
    'Change the task or the type of the target.',
  ),
  RK_DATASET_COLUMN_EMPTY: entry(
    'INVALID_ARGUMENT',
    false,
    'A feature column has no value at all.',
    'Remove the column or list it under ignore.',
  ),
  RK_DATASET_NO_FEATURES: entry(
    'INVALID_ARGUMENT',
    false,
    'No column is left to learn from.',
    'Publish at least one numeric or categorical column beside the target.',
  ),
  RK_DATASET_TOO_MANY_CATEGORIES: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'A categorical column has so many different texts that it can be no feature.',
    'List the column under ignore, or give it the type text in column_types.',
  ),
  // Runs
  RK_FOLDS_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The number of folds does not fit the data.',
    'Use at least 2 folds, and no more than rows (or rows of the smallest class, where stratified).',
  ),
  RK_PREPROCESSING_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The preprocessing asked for is not valid, or does not suit the columns.',
    'Correct the field that is named; docs/contracts/preprocessing.md lists all.',
  ),
  RK_SPLIT_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The rows can not be divided for cross-validation as asked.',
    'Correct the field that is named; docs/contracts/preprocessing.md lists the kinds.',
  ),
  RK_WEIGHTS_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The class or sample weights can not be used.',
    'Give a numeric column without missing or negative cells, "balanced", or one weight a class.',
  ),
  RK_SPEC_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The model specification is not valid.',
    'Correct the field that is named; docs/contracts/model-spec.md lists all.',
  ),
  RK_SEARCH_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    "A field of the request's search is wrong, or a searched setting has no place in the request.",
    'Correct the field that is named; see docs/contracts/search.md.',
  ),
  RK_SEARCH_TOO_LARGE: entry(
    'INVALID_ARGUMENT',
    false,
    'A grid has more points than can be tried.',
    'Search with the strategy random or asha and a number of trials, or leave out settings.',
  ),
  RK_SEARCH_FAILED: entry(
    'FAILED_PRECONDITION',
    false,
    'No trial of a search gave a score.',
    'Read why the trials failed (rookery runs show), and correct the space.',
  ),
  RK_GATE_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The gate names a metric that the task does not have, or a threshold that is no number.',
    'Use one of the metrics listed in the error.',
  ),
  RK_BACKEND_UNAVAILABLE: entry(
    'FAILED_PRECONDITION',
    false,
    'The TensorFlow backend that was asked for is not installed.',
    'Install the package that is named, or use ROOKERY_TF_BACKEND=auto.',
  ),
  RK_TRAIN_INPUT: entry(
    'INVALID_ARGUMENT',
    false,
    'The training matrix has a value that is not finite, or a label outside the classes.',
    'Report this with the run id: the transformer should have refused it.',
  ),
  RK_TRAIN_DIVERGED: entry(
    'FAILED_PRECONDITION',
    false,
    'The loss became infinite or not a number.',
    'Lower the learning rate, or scale the data.',
  ),
  RK_TRAIN_WORKER_DIED: entry(
    'UNAVAILABLE',
    true,
    'The thread that trained a job ended unexpectedly.',
    'Rookery tries again; if it repeats, look at memory.',
  ),
  // Plug-ins
  RK_PLUGIN_NOT_ALLOWED: entry(
    'PERMISSION_DENIED',
    false,
    'The plug-in that is named is none of those that the operator allows.',
    'Name one of those in the message, or let the operator add it to ROOKERY_PLUGINS of every service.',
  ),
  RK_PLUGIN_INVALID: entry(
    'FAILED_PRECONDITION',
    false,
    'An entry of ROOKERY_PLUGINS is no package that can be used.',
    'Mend what is named, and restart the services; docs/contracts/plugins.md says what a package needs.',
  ),
  RK_PLUGIN_CHANGED: entry(
    'FAILED_PRECONDITION',
    false,
    'The plug-in that is here has another version or other files than the one that was recorded.',
    'Install the recorded version beside the new one and list its folder too, or train again.',
  ),
  RK_PLUGIN_FAILED: entry(
    'INTERNAL',
    false,
    'The code of a plug-in threw an error, ended its process, or crashed.',
    'Mend the plug-in, or its options; the dead letter has the stack.',
  ),
  RK_PLUGIN_TIMEOUT: entry(
    'DEADLINE_EXCEEDED',
    false,
    'A plug-in gave no answer in its time, and its process was ended.',
    'Mend the plug-in, make the work smaller, or raise ROOKERY_PLUGIN_FIT_MS or ROOKERY_PLUGIN_CALL_MS.',
  ),
  RK_PLUGIN_MEMORY: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'A plug-in took more memory than it may, and its process was ended.',
    'Mend the leak, or raise ROOKERY_PLUGIN_MEMORY_MB.',
  ),
  RK_PLUGIN_OUTPUT: entry(
    'INTERNAL',
    false,
    'A plug-in gave an answer that can not be used: no number, another length, no probabilities.',
    'Mend the plug-in: docs/contracts/plugins.md says what it must give.',
  ),
  RK_PLUGIN_UNAVAILABLE: entry(
    'UNAVAILABLE',
    true,
    'The process of a plug-in could not be started, or was ended from outside.',
    'Rookery tries again; if it repeats, look at the memory and the limits of the machine.',
  ),
  RK_RUN_NOT_FOUND: entry('NOT_FOUND', false, 'There is no run with this id.', 'List the runs.'),
  RK_RUN_ENDED: entry(
    'FAILED_PRECONDITION',
    false,
    'The run has ended, or its end is being decided, and what was asked for needs another state.',
    'Look at the run; publish the data set again for a new one.',
  ),
  RK_RUN_UNDER_WAY: entry(
    'FAILED_PRECONDITION',
    false,
    'The run is under way, and what was asked for needs one that has ended.',
    'Wait for its end (rookery runs <id>), or cancel it.',
  ),
  RK_RUN_CANCELLED: entry(
    'CANCELLED',
    false,
    'Somebody cancelled the run.',
    'Nothing; publish the data set again for a new run.',
  ),
  RK_RUN_STALLED: entry(
    'DEADLINE_EXCEEDED',
    false,
    'Nothing happened to the run for too long, and what it waits for is in no queue any more.',
    'Resume the run: rookery runs resume <id> does what is missing.',
  ),
  RK_RUN_NOT_REPRODUCIBLE: entry(
    'FAILED_PRECONDITION',
    false,
    'The run has no recorded plan or no trained model that could be trained again and compared.',
    'Choose a run that was trained.',
  ),
  RK_REPRODUCTION_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'There is no reproduction with this id.',
    'List the reproductions of the run.',
  ),
  RK_EVALUATION_FAILED: entry(
    'FAILED_PRECONDITION',
    false,
    'A trained network gives something that is no number for a row of its own data set.',
    'Lower the learning rate, or look for extreme values in the row that is named.',
  ),
  // Registry
  RK_MODEL_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'There is no model with this name, or none is served.',
    'List the models.',
  ),
  RK_VERSION_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'The model has no such version.',
    'List the versions of the model.',
  ),
  RK_ALIAS_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'The model has no such alias.',
    'List the aliases of the model.',
  ),
  RK_ALIAS_CONFLICT: entry(
    'ABORTED',
    false,
    'The alias moved since the caller looked.',
    'Read the alias again and decide again.',
  ),
  RK_ALIAS_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The alias is not valid.',
    'Use 1 to 64 of A-Z, a-z, 0-9, _ and -.',
  ),
  RK_ROLLBACK_NONE: entry(
    'FAILED_PRECONDITION',
    false,
    'There is no earlier champion to go back to, or the version named is the champion already.',
    'Look at the history of the alias, and name another version.',
  ),
  RK_GATE_FAILED: entry(
    'FAILED_PRECONDITION',
    false,
    'The mean metric does not reach the threshold.',
    'Better data or another specification; or another gate.',
  ),
  RK_CHAMPION_BETTER: entry(
    'FAILED_PRECONDITION',
    false,
    'The champion is better on the metric of the gate.',
    'Nothing, or allow_worse_than_champion in the gate.',
  ),
  RK_MODEL_CORRUPT: entry(
    'DATA_LOSS',
    false,
    'The model package can not be loaded.',
    'Promote another version, or train again.',
  ),
  RK_MODEL_UNSUPPORTED: entry(
    'FAILED_PRECONDITION',
    false,
    'The compiled engine was asked for, and the model can not be compiled.',
    "Leave the engine at 'auto': TensorFlow.js serves the model.",
  ),
  RK_MODEL_WARMUP: entry(
    'FAILED_PRECONDITION',
    false,
    'The model did not give the answers that it gave after training.',
    'Compare backend and engine of trainer and replica.',
  ),
  // Inference
  RK_MODEL_NOT_READY: entry(
    'UNAVAILABLE',
    true,
    'No model is promoted yet.',
    'Publish a data set, or wait for the run to end.',
  ),
  RK_MODEL_AMBIGUOUS: entry(
    'INVALID_ARGUMENT',
    false,
    'The request names no model and several are served.',
    'Name one of the models listed in the error.',
  ),
  RK_PREDICT_NO_ROWS: entry('INVALID_ARGUMENT', false, 'The request has no rows.', 'Send at least one row.'),
  RK_PREDICT_TOO_MANY_ROWS: entry(
    'RESOURCE_EXHAUSTED',
    false,
    'The request has more rows than the limit.',
    'Split the request.',
  ),
  RK_FEATURE_MISSING: entry(
    'INVALID_ARGUMENT',
    false,
    'A row lacks a feature of the model.',
    'Send the feature; a value without a kind says that it is missing.',
  ),
  RK_FEATURE_UNKNOWN: entry(
    'INVALID_ARGUMENT',
    false,
    'A row has a feature that the model does not know.',
    'Remove the feature that is named.',
  ),
  RK_FEATURE_TYPE: entry(
    'INVALID_ARGUMENT',
    false,
    'A feature has a value of the wrong type.',
    'Send numbers for numeric features, text for categorical ones.',
  ),
  RK_FEATURE_NOT_FINITE: entry(
    'INVALID_ARGUMENT',
    false,
    'A feature is NaN or infinite.',
    'Send a finite number, or a value without a kind where it is missing.',
  ),
  RK_FEATURE_REFUSED: entry(
    'INVALID_ARGUMENT',
    false,
    'The preprocessing of the model refuses the value of a feature.',
    'Send a value that was there in training, or train with handleUnknown "ignore" and an imputer.',
  ),
  RK_OVERLOADED: entry(
    'RESOURCE_EXHAUSTED',
    true,
    'The replica has as many calls waiting as it allows.',
    'Try again with a delay, or add replicas.',
  ),
  // Monitoring
  RK_REFERENCE_MISSING: entry(
    'FAILED_PRECONDITION',
    true,
    'The model version has no reference profile yet.',
    'Wait for its promotion to reach the monitor.',
  ),
  RK_NO_CAPTURES: entry(
    'FAILED_PRECONDITION',
    true,
    'No prediction of this model version was captured yet.',
    'Send predictions first.',
  ),
  RK_REPORT_NOT_FOUND: entry('NOT_FOUND', false, 'There is no report with this id.', 'List the reports.'),
  RK_LABEL_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The label does not fit the model.',
    'Use one of the classes, labels of the model with its separator between them, or a number for regression.',
  ),
  // Tables (libs/tabular)
  RK_TABULAR_COLUMN_MISSING: entry(
    'INVALID_ARGUMENT',
    false,
    'A table lacks a column that is asked for.',
    'Use one of the columns listed in the error.',
  ),
  RK_TABULAR_CELL_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'A cell does not fit the type of its column.',
    'Correct the cell that is named, or the type.',
  ),
  RK_TABULAR_COLUMN_TYPE: entry(
    'INVALID_ARGUMENT',
    false,
    'A column has a type that does not suit its use.',
    'Leave the column out, or change its type.',
  ),
  RK_TABULAR_TARGET_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The target does not suit the task, or has too few distinct values.',
    'Choose another target or task, or publish more data.',
  ),
  RK_TABULAR_FOLDS_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The number of folds does not fit the rows.',
    'Use at least 2 folds, and no more than rows (or rows of the largest class, where stratified).',
  ),
  RK_TABULAR_ARROW_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The bytes are no Arrow data, or a column has an unsupported type.',
    'Write the file again, with numbers, booleans and strings only.',
  ),
  RK_TABULAR_ARGUMENT_INVALID: entry(
    'INTERNAL',
    false,
    'A function of the table library was called with arguments that do not fit each other.',
    'Report it with the trace id.',
  ),
  // Anywhere
  RK_UNAUTHENTICATED: entry(
    'UNAUTHENTICATED',
    false,
    'The caller did not say who it is, or with a token that is unknown or has expired.',
    'Send authorization: Bearer <token>; rookery tokens create makes one.',
  ),
  RK_PERMISSION_DENIED: entry(
    'PERMISSION_DENIED',
    false,
    'The caller has not the role that the call needs.',
    'Use a token with that role; docs/security.md lists which call needs which.',
  ),
  RK_REQUEST_INVALID: entry(
    'INVALID_ARGUMENT',
    false,
    'The request is not valid.',
    'Correct the field that is named.',
  ),
  RK_ROUTE_NOT_FOUND: entry(
    'NOT_FOUND',
    false,
    'There is nothing at this path.',
    'Check the path; services/console/README.md lists the routes.',
  ),
  RK_METHOD_NOT_ALLOWED: entry(
    'UNIMPLEMENTED',
    false,
    'The path does not take this HTTP method.',
    'Use a method of the Allow header.',
  ),
  RK_ORIGIN_FORBIDDEN: entry(
    'PERMISSION_DENIED',
    false,
    'The request was made for another host, or by a page of another site.',
    'Open the console by a loopback name, or list its name in ROOKERY_CONSOLE_HOSTS.',
  ),
  RK_CANCELLED: entry('CANCELLED', false, 'The caller cancelled.', 'Nothing.'),
  RK_UNAVAILABLE: entry('UNAVAILABLE', true, 'The service is starting or stopping.', 'Try again.'),
  RK_INTERNAL: entry('INTERNAL', false, 'A defect.', 'Report it with the trace id.'),
} as const satisfies Record<string, ErrorCodeEntry>;

/** A code of the table. */
export type ErrorCode = keyof typeof errorCodes;

/** Whether a string is a code of the table. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(errorCodes, value);
}
