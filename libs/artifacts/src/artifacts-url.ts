import { fileURLToPath } from 'node:url';
import { ArtifactInvalidError } from './errors.js';

/** Where artifacts are kept. */
export type ArtifactsLocation =
  | { readonly kind: 'nats'; readonly bucket: string; readonly replicas: number | undefined }
  | { readonly kind: 'folder'; readonly directory: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Without slashes at its ends; empty for none. */
      readonly prefix: string;
      readonly endpoint: string | undefined;
      readonly region: string;
      readonly pathStyle: boolean;
    };

export const DEFAULT_BUCKET = 'rookery-artifacts';
const FORMS =
  "'nats:', 'nats:?bucket=name&replicas=3', 'file:///directory' or 's3://bucket/prefix?endpoint=...&region=...'";

/**
 * Reads a URL of an artifact store. Throws ArtifactInvalidError saying what is wrong with it: unknown scheme or
 * parameter, missing bucket, credentials in the URL (S3's come from the standard AWS variables).
 */
export function parseArtifactsUrl(text: string): ArtifactsLocation {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(text, `it is not a URL; use ${FORMS}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      `${url.protocol}//***@${url.host}`,
      'it must not hold credentials; use the AWS_* variables',
    );
  }
  switch (url.protocol) {
    case 'nats:':
      return natsLocation(text, url);
    case 'file:':
      return folderLocation(text, url);
    case 's3:':
      return s3Location(text, url);
    default:
      throw invalid(text, `the scheme '${url.protocol}' is not known; use ${FORMS}`);
  }
}

function natsLocation(text: string, url: URL): ArtifactsLocation {
  const given = parameters(text, url, ['bucket', 'replicas']);
  if (url.host !== '' || url.pathname !== '') {
    throw invalid(text, "the server is the one of ROOKERY_NATS_URL; write 'nats:' without a host");
  }
  const bucket = given['bucket'] ?? DEFAULT_BUCKET;
  if (!/^[A-Za-z0-9_-]+$/.test(bucket))
    throw invalid(text, "the bucket holds letters, digits, '-' and '_' only");
  const replicas = given['replicas'];
  if (replicas !== undefined && !/^[1-5]$/.test(replicas))
    throw invalid(text, 'replicas is a number from 1 to 5');
  return { kind: 'nats', bucket, replicas: replicas === undefined ? undefined : Number(replicas) };
}

function folderLocation(text: string, url: URL): ArtifactsLocation {
  parameters(text, url, []);
  if (url.host !== '')
    throw invalid(text, "a file URL has three slashes and an absolute path: 'file:///directory'");
  const directory = fileURLToPath(url);
  if (directory === '/') throw invalid(text, 'the root of the file system is no place for artifacts');
  return { kind: 'folder', directory };
}

function s3Location(text: string, url: URL): ArtifactsLocation {
  const given = parameters(text, url, ['endpoint', 'region', 'pathStyle']);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.host)) {
    throw invalid(text, 'it needs a bucket name: s3://bucket/prefix');
  }
  const { endpoint, region = 'us-east-1', pathStyle } = given;
  if (endpoint !== undefined && !/^https?:\/\/[^/]+/.test(endpoint)) {
    throw invalid(text, 'endpoint is an http:// or https:// URL');
  }
  // It stands in messages as it is.
  if (endpoint !== undefined && /^https?:\/\/[^/]*@/.test(endpoint)) {
    throw invalid(
      text.replace(endpoint, '***').replace(encodeURIComponent(endpoint), '***'),
      'the endpoint must not hold credentials; use the AWS_* variables',
    );
  }
  if (pathStyle !== undefined && pathStyle !== 'true' && pathStyle !== 'false') {
    throw invalid(text, 'pathStyle is true or false');
  }
  return {
    kind: 's3',
    bucket: url.host,
    prefix: prefixOf(text, url),
    endpoint,
    region,
    // Servers that are not Amazon's rarely have a host name for each bucket.
    pathStyle: pathStyle === undefined ? endpoint !== undefined : pathStyle === 'true',
  };
}

/** Folders in front of every key. A server that reads `..` as a folder up would leave them. */
function prefixOf(text: string, url: URL): string {
  let prefix: string;
  try {
    prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  } catch {
    throw invalid(text, 'the prefix is no valid percent-encoding');
  }
  if (prefix.split(/[\\/]/).some((part) => part === '.' || part === '..'))
    throw invalid(text, "the prefix must not hold '.' or '..'");
  return prefix;
}

function parameters(text: string, url: URL, known: readonly string[]): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name)) {
      const list = known.length > 0 ? `known are ${known.join(', ')}` : 'there are none';
      throw invalid(text, `the parameter '${name}' is not known; ${list}`);
    }
    given[name] = value;
  }
  return given;
}

function invalid(text: string, problem: string): ArtifactInvalidError {
  return new ArtifactInvalidError(`The artifact store's URL '${text}' can't be used: ${problem}.`, {
    url: text,
  });
}
