import * as grpc from '@grpc/grpc-js';

/** Binary, so that any name fits. */
const key = 'rookery-on-behalf-of-bin';

/** Metadata of a call that is made for somebody else: who answers it believes callers of the role `delegate` alone. */
export function onBehalfOf(name: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(key, Buffer.from(name, 'utf8'));
  return metadata;
}

/** Takes out of the metadata for whom the call is said to be made; undefined where that is the caller itself. */
export function takeOnBehalfOf(metadata: grpc.Metadata): string | undefined {
  const value = metadata.get(key)[0];
  metadata.remove(key);
  return value === undefined ? undefined : value.toString();
}
