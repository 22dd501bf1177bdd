import type { Bus } from '@rookery/bus';
import type { ArtifactStore } from '@rookery/artifacts';
import { TerminalError } from '@rookery/contracts';

import type { OpenedSource, Sources } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';
import { openFile } from './file-source.js';
import type { FilePolicy } from './file-source.js';
import { openHttp } from './http-source.js';
import type { HttpOptions } from './http-source.js';
import { openObject } from './object-source.js';

/** Where sources come from. */
export interface SourcesOptions {
  readonly artifacts: Pick<ArtifactStore, 'openRead'>;
  readonly nc: Bus['nc'];
  readonly files: FilePolicy;
  readonly http: HttpOptions;
}

/** Opens a uri by its scheme: file, http, https, artifact, object. RK_DATASET_URI_INVALID for any other. */
export function createSources(options: SourcesOptions): Sources {
  return {
    open: async (uri, signal) => {
      const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase();
      switch (scheme) {
        case 'file':
          return openFile(uri, options.files);
        case 'http':
        case 'https':
          return openHttp(uri, signal, options.http);
        case 'artifact':
          return openArtifact(uri, options.artifacts);
        case 'object':
          return openObject(uri, options.nc);
        default:
          throw new TerminalError(
            'RK_DATASET_URI_INVALID',
            scheme === undefined
              ? `${JSON.stringify(shortUri(uri))} is no uri: it has no scheme`
              : `The scheme ${scheme}: is not one that Rookery reads`,
            { details: { field: 'uri', uri: shortUri(uri) } },
          );
      }
    },
  };
}

async function openArtifact(uri: string, artifacts: Pick<ArtifactStore, 'openRead'>): Promise<OpenedSource> {
  const sha256 = /^artifact:([0-9a-f]{64})$/i.exec(uri)?.[1]?.toLowerCase();
  if (sha256 === undefined) {
    throw new TerminalError('RK_DATASET_URI_INVALID', `${shortUri(uri)} is no uri of an artifact`, {
      details: { field: 'uri', uri: shortUri(uri) },
      hint: 'Write artifact: and the sha256 of 64 hexadecimal digits.',
    });
  }
  return { chunks: await artifacts.openRead(sha256) };
}
