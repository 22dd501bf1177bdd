import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { it } from 'vitest';
import { openArtifacts, parseArtifactsUrl } from '../src/index.js';
import { artifactsContract } from './contract/artifacts-contract.js';

const given = process.env['ROOKERY_TEST_S3_URL'];

if (given === undefined || given === '') {
  it.skip('the artifact store contract on S3: skipped, ROOKERY_TEST_S3_URL is not set', () => undefined);
  process.stdout.write(
    'artifacts: the contract suite on S3 is skipped because ROOKERY_TEST_S3_URL is not set\n',
  );
} else {
  artifactsContract('S3', async () => {
    const url = new URL(given);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/contract-${process.pid}-${Math.floor(performance.now())}`;
    const location = parseArtifactsUrl(url.href);
    if (location.kind !== 's3') throw new Error('ROOKERY_TEST_S3_URL must be an s3:// URL');
    const { bucket: Bucket, prefix, region, pathStyle, endpoint } = location;
    const client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    await client.send(new CreateBucketCommand({ Bucket })).catch(() => undefined);
    return {
      open: (cacheBytes) => openArtifacts({ url: url.href, cacheBytes }),
      async damage(sha256, bytes) {
        await client.send(new PutObjectCommand({ Bucket, Key: `${prefix}/${sha256}`, Body: bytes }));
      },
      async stored() {
        return (await client.send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/` }))).KeyCount ?? 0;
      },
      async dispose() {
        client.destroy();
      },
    };
  });
}
