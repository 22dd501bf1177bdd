import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';

/** Where certificates lie. */
export interface TlsPaths {
  /** Certificate chain in PEM, one's own first. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Certificates of the authorities that are trusted, in PEM, or `system` for those that Node brings. */
  readonly ca?: string | undefined;
}

/** What the files hold. */
export interface TlsMaterial {
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly ca: Buffer | undefined;
}

type Listener = (material: TlsMaterial) => void;

/**
 * Reads certificates, and throws, naming the file, what can't be used: a file that is missing, a key that does not belong
 * to the certificate, a certificate that has expired.
 */
export function readTlsFiles(paths: TlsPaths, now: number = Date.now()): TlsMaterial {
  const material: TlsMaterial = {
    cert: paths.cert === undefined ? undefined : readFileSync(paths.cert),
    key: paths.key === undefined ? undefined : readFileSync(paths.key),
    ca:
      paths.ca === undefined
        ? undefined
        : paths.ca === 'system'
          ? Buffer.from(rootCertificates.join('\n'))
          : readFileSync(paths.ca),
  };
  if (material.cert !== undefined && material.key !== undefined) {
    const certificate = parsed(
      `${paths.cert} is no certificate in PEM`,
      () => new X509Certificate(material.cert ?? ''),
    );
    const key = parsed(`${paths.key} is no private key in PEM`, () => createPrivateKey(material.key ?? ''));
    if (!certificate.checkPrivateKey(key))
      throw new Error(`the key ${paths.key} does not belong to the certificate ${paths.cert}`);
    if (Date.parse(certificate.validTo) < now)
      throw new Error(`the certificate ${paths.cert} has expired on ${certificate.validTo}`);
  }
  if (paths.ca !== undefined && paths.ca !== 'system')
    parsed(`${paths.ca} is no certificate in PEM`, () => new X509Certificate(material.ca ?? ''));
  createSecureContext(contextOf(material));
  return material;
}

/** The options of a TLS context, without those that are not set. */
export function contextOf(material: TlsMaterial): { cert?: Buffer; key?: Buffer; ca?: Buffer } {
  return {
    ...(material.cert === undefined ? {} : { cert: material.cert }),
    ...(material.key === undefined ? {} : { key: material.key }),
    ...(material.ca === undefined ? {} : { ca: material.ca }),
  };
}

/**
 * Certificates that may be renewed at any time: the files are read every second, and what has changed is handed to the
 * listeners if it can be used as a whole. A certificate whose key is not written yet, or a file that is away for a moment,
 * leaves the last good ones in force.
 */
export class TlsFiles {
  readonly paths: TlsPaths;
  readonly #onChange: (message: string, error?: Error) => void;
  readonly #listeners = new Set<Listener>();
  #material: TlsMaterial;
  #refused = '';
  #timer: NodeJS.Timeout | undefined;

  /** Throws where the files can't be used now. `onChange` is told of every renewal and of every refused one. */
  constructor(paths: TlsPaths, onChange: (message: string, error?: Error) => void = () => undefined) {
    this.paths = paths;
    this.#onChange = onChange;
    this.#material = readTlsFiles(paths);
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** Calls back at every renewal, until the returned function is called. */
  onRenewal(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.check(), 1000).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Reads the files now. */
  check(): void {
    let material: TlsMaterial;
    try {
      material = readTlsFiles(this.paths);
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#refused) this.#onChange('renewed certificates cannot be used', error as Error);
      this.#refused = message;
      return;
    }
    this.#refused = '';
    if (same(material, this.#material)) return;
    this.#material = material;
    this.#onChange('certificates renewed');
    for (const listener of [...this.#listeners]) listener(material);
  }
}

function same(a: TlsMaterial, b: TlsMaterial): boolean {
  return (['cert', 'key', 'ca'] as const).every((part) => {
    const [one, other] = [a[part], b[part]];
    return one === undefined || other === undefined ? one === other : one.equals(other);
  });
}

function parsed<T>(problem: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(problem, { cause: error });
  }
}
