import { variables, type VariableName } from './variables.js';

/**
 * The variable that holds the gRPC port of the service `name`: ROOKERY_<NAME>_GRPC_PORT if the table has it, else
 * ROOKERY_<NAME>_PORT; `undefined` for a service without one.
 */
export function portVariableOf(name: string): VariableName | undefined {
  const upper = name.toUpperCase().replaceAll('-', '_');
  return [`ROOKERY_${upper}_GRPC_PORT`, `ROOKERY_${upper}_PORT`].find((key): key is VariableName =>
    Object.hasOwn(variables, key),
  );
}
