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
const bearer = /(\bbearer +)[\w.~+/=-]+/gi;
const secretParameters =
  /([?&;](?:access_?key(?:_?id)?|secret(?:_?access_?key)?|password|token|signature|x-amz-[a-z-]+)=)[^&\s"'\\]+/gi;

const leastSecretLength = 6;
/** Secrets of this process, with the forms that they take in JSON and in a URL. */
const protectedTexts = new Set<string>();

/**
 * Keeps `secrets` out of everything that {@link redactText} is given from now on, wherever they stand: a driver may put a
 * password into its message in a way that no pattern foresees. Shorter ones than 6 characters are left alone: they would
 * be found in innocent words.
 */
export function protectSecrets(secrets: readonly string[]): void {
  for (const secret of secrets) {
    if (secret.length < leastSecretLength) continue;
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
      protectedTexts.add(form);
  }
}

/** `text` with the user information and the secret query parameters of every URL in it replaced by `***`. */
export function redactText(text: string): string {
  let out = text;
  if (out.includes('@')) out = out.replace(urlCredentials, '$1***@');
  if (out.includes('=')) out = out.replace(secretParameters, '$1***');
  if (out.includes('earer ')) out = out.replace(bearer, '$1***');
  for (const secret of protectedTexts) if (out.includes(secret)) out = out.replaceAll(secret, '***');
  return out;
}

/** A URL that is safe to log: `mongodb://user:pw@host/db` → `mongodb://***@host/db`. */
export function redactUrl(url: string): string {
  return redactText(url);
}
