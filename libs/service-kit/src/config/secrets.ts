import { variables, type VariableSpec } from './variables.js';

/** Secrets that others than Rookery read from the environment: the AWS client, OpenTelemetry's exporters. */
const foreign = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY_ID'];
const headerLists = [
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
  'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
];

/**
 * Every secret in an environment, to be kept out of logs and answers wherever it turns up: values of secret variables,
 * and the user information of URLs, as it is written and as it is decoded.
 */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const secrets = new Set<string>();
  const add = (text: string | undefined): void => {
    if (text !== undefined && text !== '') secrets.add(text);
  };
  for (const [name, spec] of Object.entries(variables) as [string, VariableSpec][]) {
    const value = env[name]?.trim();
    if (value === undefined || value === '') continue;
    // A URL is shown without its user information: it says where something is, which a log has to say.
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) for (const part of credentialsIn(value)) add(part);
    else if (spec.secret === true) add(value);
  }
  for (const name of foreign) add(env[name]);
  for (const name of headerLists)
    for (const header of (env[name] ?? '').split(',')) add(header.slice(header.indexOf('=') + 1).trim());
  return [...secrets];
}

/** Passwords, and tokens that stand alone, of the URLs in `text`. A user name is no secret. */
function credentialsIn(text: string): string[] {
  const found: string[] = [];
  for (const [, information = ''] of text.matchAll(/:\/\/([^@/\s]*)@/g)) {
    const colon = information.indexOf(':');
    const secret = colon < 0 ? information : information.slice(colon + 1);
    found.push(secret, decoded(secret));
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
