import type { BusEvent } from '@rookery/bus';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import type { ModelPromoted, ModelRegistered, ModelRolledBack } from '@rookery/proto/rookery/events/v1/model';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';
import type { CaptureSignal } from './capture-signal.js';

/** The alias that is watched. */
const championAlias = 'champion';

/** What keeping models needs. */
export interface KeepModelsPorts {
  readonly collections: Collections;
  readonly captured: CaptureSignal;
}

/** Handler of ml.model.registered: from now on captures of this version can be compared with its reference. */
export function keepRegistered(ports: KeepModelsPorts): (event: BusEvent<ModelRegistered>) => Promise<void> {
  return async ({ data }) => {
    const { model, version, reference, signature } = data;
    const fields = {
      model,
      version,
      referenceSha256: reference?.sha256 ?? '',
      classes: signature?.classes ?? [],
      ...(signature?.task === Task.TASK_MULTILABEL ? { labelSeparator: signature.labelSeparator } : {}),
    };
    await ports.collections.versions.updateOne(
      { _id: versionKey(model, version) },
      { $set: fields },
      { upsert: true },
    );
    ports.captured.notify(model);
  };
}

/**
 * Handler of ml.model.promoted and ml.model.rolledback: which version is champion. An older move never wins. The event
 * names the reference too: a version is known from its registration or from this, whichever comes first.
 */
export function keepChampion(
  ports: KeepModelsPorts,
): (event: BusEvent<ModelPromoted> | BusEvent<ModelRolledBack>) => Promise<void> {
  const { champions, versions } = ports.collections;
  return async ({ data }) => {
    const { model, version, aliasRevision: revision } = data;
    if (data.alias !== championAlias) return;
    const known = { model, version, referenceSha256: data.reference?.sha256 ?? '' };
    await versions.updateOne({ _id: versionKey(model, version) }, { $setOnInsert: known }, { upsert: true });
    const inserted = await champions.insertMany([{ _id: model, version, revision }], {
      ignoreDuplicates: true,
    });
    if (inserted === 0) {
      await champions.updateOne({ _id: model, revision: { $lt: revision } }, { $set: { version, revision } });
    }
    ports.captured.notify(model);
  };
}
