import type { BusEvent } from '@rookery/bus';
import { Signature } from '@rookery/proto/rookery/domain/v1/data';
import type { ModelPromoted, ModelRegistered, ModelRolledBack } from '@rookery/proto/rookery/events/v1/model';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';

/** The alias that is watched. */
const championAlias = 'champion';

/** Handler of ml.model.registered: from now on captures of this version can be compared with its reference. */
export function keepRegistered({ versions }: Collections): (event: BusEvent<ModelRegistered>) => Promise<void> {
  return async ({ data }) => {
    await versions.updateOne(
      { _id: versionKey(data.model, data.version) },
      {
        $set: {
          model: data.model,
          version: data.version,
          referenceSha256: data.reference?.sha256 ?? '',
          signature: data.signature ? Signature.toJSON(data.signature) : {},
        },
      },
      { upsert: true },
    );
  };
}

/** Handler of ml.model.promoted and ml.model.rolledback: which version is champion. An older move never wins. */
export function keepChampion({
  champions,
}: Collections): (event: BusEvent<ModelPromoted> | BusEvent<ModelRolledBack>) => Promise<void> {
  return async ({ data }) => {
    if (data.alias !== championAlias) return;
    await champions.updateOne({ _id: data.model }, { $setOnInsert: { version: 0, revision: 0 } }, { upsert: true });
    await champions.updateOne(
      { _id: data.model, revision: { $lt: data.aliasRevision } },
      { $set: { version: data.version, revision: data.aliasRevision } },
    );
  };
}
