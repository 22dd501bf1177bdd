import { redactUrl } from '@rookery/telemetry';
import { exitCodes, ServiceExitError } from '../lifecycle/exit-codes.js';
import { nearestName } from './nearest-name.js';
import { variables, type VariableName } from './variables.js';

/** Name of a variable: what `defineConfig` takes. */
export type ConfigKey = VariableName;

type Value<K extends VariableName> = (typeof variables)[K] extends {
  schema: { _zod: { output: infer T } };
  default: infer D;
}
  ? D extends string
    ? T
    : T | undefined
  : never;

/** Typed values of the variables `K`, by name. */
export type ConfigOf<K extends VariableName> = { readonly [Name in K]: Value<Name> };

/** Variables that every service has. */
export const coreVariables = [
  'ROOKERY_NATS_URL',
  'MONGODB_URL',
  'ROOKERY_DATA_DIR',
  'ROOKERY_ARTIFACTS_URL',
  'ROOKERY_HOST',
  'ROOKERY_ALLOW_INSECURE_NETWORK',
  'ROOKERY_TLS_CERT',
  'ROOKERY_TLS_KEY',
  'ROOKERY_TLS_CA',
  'ROOKERY_TLS_CLIENT_AUTH',
  'ROOKERY_TOKENS_FILE',
  'ROOKERY_TOKEN',
  'ROOKERY_TOKEN_FILE',
  'ROOKERY_NATS_USER',
  'ROOKERY_NATS_PASSWORD',
  'ROOKERY_NATS_TOKEN',
  'ROOKERY_NATS_NKEY',
  'ROOKERY_NATS_CREDS',
  'ROOKERY_NATS_TLS_CA',
  'ROOKERY_NATS_TLS_CERT',
  'ROOKERY_NATS_TLS_KEY',
  'ROOKERY_MODE',
  'ROOKERY_LOG_LEVEL',
  'ROOKERY_LOG_PRETTY',
  'ROOKERY_STREAM_REPLICAS',
  'ROOKERY_ACK_WAIT_MS',
  'ROOKERY_CONNECT_TIMEOUT_MS',
  'ROOKERY_STOP_TIMEOUT_MS',
  'ROOKERY_STOP_ON_PARENT_EXIT',
  'ROOKERY_GRPC_MAX_RECEIVE_BYTES',
  'ROOKERY_GRPC_MAX_STREAMS',
  'ROOKERY_REFLECTION',
] as const satisfies readonly VariableName[];

/** Values of {@link coreVariables}. */
export type CoreConfig = ConfigOf<(typeof coreVariables)[number]>;

/** Configuration of a service: its own variables and the core ones. */
export type Config<K extends VariableName = never> = CoreConfig & ConfigOf<K>;

/** The environment cannot be used. `problems` holds one sentence for each fault; exit code 78. */
export class ConfigError extends ServiceExitError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      exitCodes.config,
      `The configuration has ${problems.length === 1 ? 'a fault' : `${problems.length} faults`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Names the variables a service reads beside the core ones: `defineConfig('ROOKERY_MAX_COLUMNS', …)`. */
export function defineConfig<const K extends readonly VariableName[]>(...keys: K): K {
  return keys;
}

/**
 * Reads the variables `keys` and the core ones from `env` (default `process.env`); an empty value counts as not set.
 * The object is frozen. Throws one `ConfigError` that lists every fault at once: each `ROOKERY_*` name that no service
 * knows (with the nearest known name), and each bad value (with what is allowed; secrets are not shown). Variables that
 * only other services read are known, and not read.
 */
export function loadConfig<const K extends readonly VariableName[]>(
  keys: K,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config<K[number]> {
  const problems: string[] = unknownNames(env);
  const values: Record<string, unknown> = {};
  for (const name of new Set<VariableName>([...coreVariables, ...keys])) {
    const spec = variables[name];
    const given = env[name];
    const text = given === undefined || given.trim() === '' ? spec.default : given.trim();
    if (text === undefined) {
      values[name] = undefined;
      continue;
    }
    const parsed = spec.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else
      problems.push(
        `${name} is ${shown(name, text)}, expected ${parsed.error.issues[0]?.message ?? spec.allowed}`,
      );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Config<K[number]>;
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(variables);
  return Object.keys(env)
    .filter((name) => name.startsWith('ROOKERY_') && !Object.hasOwn(variables, name))
    .sort()
    .map((name) => {
      const nearest = nearestName(name, known);
      return `${name} is not a variable of Rookery${nearest === undefined ? '' : `: did you mean ${nearest}?`}`;
    });
}

function shown(name: VariableName, text: string): string {
  const spec: { secret?: boolean } = variables[name];
  return spec.secret === true ? '*** (not shown)' : JSON.stringify(redactUrl(text));
}
