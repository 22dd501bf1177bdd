import * as grpc from '@grpc/grpc-js';
import type { TlsFiles, TlsMaterial } from './tls-files.js';

type CaListener = Parameters<grpc.experimental.CertificateProvider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<
  grpc.experimental.CertificateProvider['addIdentityCertificateListener']
>[0];

/** Hands certificates, and their renewals, to gRPC. New connections get the new ones; those that are there go on. */
class FilesProvider implements grpc.experimental.CertificateProvider {
  readonly #files: TlsFiles;
  readonly #offs = new Map<object, () => void>();

  constructor(files: TlsFiles) {
    this.#files = files;
  }

  addCaCertificateListener(listener: CaListener): void {
    const tell = ({ ca }: TlsMaterial): void => listener(ca === undefined ? null : { caCertificate: ca });
    this.#add(listener, tell);
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#remove(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    const tell = ({ cert, key }: TlsMaterial): void =>
      listener(cert === undefined || key === undefined ? null : { certificate: cert, privateKey: key });
    this.#add(listener, tell);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#remove(listener);
  }

  #add(listener: object, tell: (material: TlsMaterial) => void): void {
    this.#remove(listener);
    this.#offs.set(listener, this.#files.onRenewal(tell));
    // Not at once: a server asks for its certificates before it listens to what it is told.
    process.nextTick(() => {
      if (this.#offs.has(listener)) tell(this.#files.material);
    });
  }

  #remove(listener: object): void {
    this.#offs.get(listener)?.();
    this.#offs.delete(listener);
  }
}

/** Credentials of a gRPC server that follow its certificate files. `requireClient`: only callers with a certificate of `ca`. */
export function serverCredentialsOf(files: TlsFiles, requireClient: boolean): grpc.ServerCredentials {
  const provider = new FilesProvider(files);
  // The parameters are named the other way round than they are used: one's own certificate comes first.
  return grpc.experimental.createCertificateProviderServerCredentials(
    provider,
    requireClient ? provider : null,
    requireClient,
  );
}

/** Credentials of a gRPC client that follow its certificate files; shows its own certificate where there is one. */
export function channelCredentialsOf(files: TlsFiles): grpc.ChannelCredentials {
  const provider = new FilesProvider(files);
  const showsItself = files.material.cert !== undefined;
  return grpc.experimental.createCertificateProviderChannelCredentials(
    provider,
    showsItself ? provider : null,
  );
}
