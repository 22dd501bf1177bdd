import { describe, expect, it } from 'vitest';
import { parseArtifactsUrl } from '../src/index.js';

describe('the URL of an artifact store', () => {
  it.each([
    ['nats:', { kind: 'nats', bucket: 'rookery-artifacts', replicas: undefined }],
    ['nats:?bucket=b_1&replicas=3', { kind: 'nats', bucket: 'b_1', replicas: 3 }],
    ['file:///srv/my%20artifacts', { kind: 'folder', directory: '/srv/my artifacts' }],
    [
      's3://bucket',
      {
        kind: 's3',
        bucket: 'bucket',
        prefix: '',
        endpoint: undefined,
        region: 'us-east-1',
        pathStyle: false,
      },
    ],
    [
      's3://bucket/a/b/?endpoint=http://127.0.0.1:9000&region=eu-central-1',
      {
        kind: 's3',
        bucket: 'bucket',
        prefix: 'a/b',
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-central-1',
        pathStyle: true,
      },
    ],
  ])('%s is understood', (url, location) => {
    expect(parseArtifactsUrl(url)).toEqual(location);
  });

  it.each([
    ['somewhere', /not a URL/],
    ['http://host/x', /scheme 'http:'/],
    ['nats://host:4222', /without a host/],
    ['nats:?replica=3', /'replica' is not known; known are bucket, replicas/],
    ['nats:?replicas=0', /1 to 5/],
    ['nats:?bucket=a.b', /bucket/],
    ['file://relative/path', /three slashes/],
    ['file:///', /root of the file system/],
    ['file:///x?y=1', /'y' is not known/],
    ['s3:///prefix', /bucket name/],
    ['s3://bucket?endpoint=host:9000', /http/],
    ['s3://bucket?pathStyle=yes', /true or false/],
  ])('%s is refused with the reason', (url, reason) => {
    expect(() => parseArtifactsUrl(url)).toThrow(reason);
    expect(() => parseArtifactsUrl(url)).toThrow(expect.objectContaining({ code: 'RK_ARTIFACT_INVALID' }));
  });

  it('with credentials is refused without repeating them', () => {
    expect(() => parseArtifactsUrl('s3://key:hunter2@bucket/x')).toThrow(/AWS_/);
    expect(() => parseArtifactsUrl('s3://key:hunter2@bucket/x')).not.toThrow(/hunter2/);
  });
});
