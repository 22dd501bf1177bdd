/**
 * Names of log fields whose value is never written, at the top level of a log object or one level below. Compared exactly.
 */
export const secretKeys = [
  'password',
  'passwd',
  'secret',
  'token',
  'apiKey',
  'api_key',
  'accessKey',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'authorization',
  'Authorization',
  'cookie',
  'credentials',
  'creds',
  'privateKey',
] as const;

const urlCredentials = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'@\\]+@/gi;
const secretParameters =
  /([?&;](?:access_?key(?:_?id)?|secret(?:_?access_?key)?|password|token|signature|x-amz-[a-z-]+)=)[^&\s"'\\]+/gi;

/** `text` with the user information and the secret query parameters of every URL in it replaced by `***`. */
export function redactText(text: string): string {
  let out = text;
  if (out.includes('@')) out = out.replace(urlCredentials, '$1***@');
  if (out.includes('=')) out = out.replace(secretParameters, '$1***');
  return out;
}

/** A URL that is safe to log: `mongodb://user:pw@host/db` → `mongodb://***@host/db`. */
export function redactUrl(url: string): string {
  return redactText(url);
}
