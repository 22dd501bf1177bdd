import { events, progressSubject, streams } from '@rookery/contracts';
import type { EventName, EventType } from '@rookery/contracts';
import { inboxPrefix } from '../connection.js';
import { advisoriesStream, advisorySubject, sweeperName } from '../sweeper.js';
import { busUserList, busUsers } from './bus-users.js';
import type { BusUser, BusUserName } from './bus-users.js';

/** Subjects of one user, as nats-server takes them. */
export interface SubjectPermissions {
  readonly publish: readonly string[];
  /** Stronger than `publish`: names that a wildcard in it would reach, and must not. */
  readonly denyPublish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Where artifacts lie if ROOKERY_ARTIFACTS_URL names no other bucket. */
export const defaultBucket = 'rookery-artifacts';

/** What the subjects depend on. */
export interface PermissionOptions {
  /** Bucket of the artifacts. Default {@link defaultBucket}. */
  readonly bucket?: string;
  /** Buckets that ingest reads data sets from (`object://`). */
  readonly datasetBuckets?: readonly string[];
}

const eventOf = (name: EventName): EventType<unknown> => events[name];
const api = (rest: string): string => `$JS.API.${rest}`;

/**
 * The subjects that a user needs for what {@link busUsers} says it does: its events, the JetStream requests behind them,
 * and an inbox of its own, so that nobody reads the answers to another.
 */
export function permissionsOf(name: BusUserName, options: PermissionOptions = {}): SubjectPermissions {
  const user: BusUser = busUsers[name];
  const { bucket = defaultBucket, datasetBuckets = [] } = options;
  const publish = [
    api('INFO'),
    api('STREAM.NAMES'),
    ...streams.map((stream) => api(`STREAM.INFO.${stream.name}`)),
  ];
  const subscribe = [`${inboxPrefix(name)}.>`];
  const deny: string[] = [];

  for (const event of user.publishes ?? []) publish.push(eventOf(event).filter);
  for (const { event, durable } of user.consumes ?? []) {
    const { stream, filter } = eventOf(event);
    publish.push(
      ...durableRequests(stream, durable, filter),
      ...durableRequests(advisoriesStream, sweeperName(durable), advisorySubject(stream, durable)),
      api(`STREAM.MSG.GET.${stream}`),
      events.deadLetter.subject(durable),
    );
  }
  const { reads = [], rebuildsFrom = [] } = user;
  for (const stream of new Set([...reads.map((event) => eventOf(event).stream), ...rebuildsFrom])) {
    publish.push(...readerRequests(stream));
    deny.push(...othersDurables(name, stream).flatMap((durable) => requestsOfDurable(stream, durable)));
  }
  for (const { stream, filter } of reads.map(eventOf))
    publish.push(api(`CONSUMER.CREATE.${stream}.*.${filter}`));
  // Such a reader has no filter.
  for (const stream of rebuildsFrom) publish.push(api(`CONSUMER.CREATE.${stream}.*`));
  for (const { stream } of (user.looksUp ?? []).map(eventOf)) publish.push(api(`STREAM.MSG.GET.${stream}`));
  for (const { event, durable } of user.asksAbout ?? []) {
    const { stream } = eventOf(event);
    publish.push(api(`STREAM.MSG.GET.${stream}`), api(`CONSUMER.INFO.${stream}.${durable}`));
  }
  for (const event of user.hears ?? []) subscribe.push(eventOf(event).filter);
  if (user.watches) {
    subscribe.push(
      ...streams.flatMap(({ subjects }) => subjects).filter((subject) => subject.startsWith('ml.')),
    );
    publish.push(api('STREAM.MSG.GET.ML_EVENTS'));
  }
  if (user.progress === 'publish') publish.push(progressSubject('*'));
  if (user.progress === 'watch') subscribe.push(progressSubject('*'));
  if (user.artifacts) publish.push(...bucketReads(bucket));
  if (user.artifacts === 'write') publish.push(`$O.${bucket}.C.>`, `$O.${bucket}.M.>`);
  if (name === 'ingest') publish.push(...datasetBuckets.flatMap(bucketReads));
  if (user.setsUp)
    for (const stream of [...streams.map((item) => item.name), `OBJ_${bucket}`])
      publish.push(api(`STREAM.CREATE.${stream}`), api(`STREAM.UPDATE.${stream}`));
  if (user.redrives)
    publish.push(
      'ml.>',
      ...streams.map((stream) => api(`STREAM.MSG.GET.${stream.name}`)),
      api('STREAM.MSG.DELETE.ML_DLQ'),
    );
  const unique = (subjects: readonly string[]): string[] => [...new Set(subjects)];
  return { publish: unique(publish), denyPublish: unique(deny), subscribe: unique(subscribe) };
}

/** To make a durable consumer, pull from it, and acknowledge. */
function durableRequests(stream: string, durable: string, filter: string): string[] {
  return [
    api(`CONSUMER.CREATE.${stream}.${durable}.${filter}`),
    api(`CONSUMER.INFO.${stream}.${durable}`),
    api(`CONSUMER.MSG.NEXT.${stream}.${durable}`),
    ...acknowledgements(stream, durable),
  ];
}

/** To the servers of today, and with domain and account before the stream, as newer ones may ask for. */
function acknowledgements(stream: string, consumer: string): string[] {
  return [`$JS.ACK.${stream}.${consumer}.>`, `$JS.ACK.*.*.${stream}.${consumer}.>`];
}

/** To read a stream again: its consumers get random names, so that the names of durables are denied beside this. */
function readerRequests(stream: string): string[] {
  return ['INFO', 'MSG.NEXT', 'DELETE'].map((request) => api(`CONSUMER.${request}.${stream}.*`));
}

function requestsOfDurable(stream: string, durable: string): string[] {
  return [
    ...['', '.>'].map((rest) => api(`CONSUMER.CREATE.${stream}.${durable}${rest}`)),
    ...['MSG.NEXT', 'DELETE'].map((request) => api(`CONSUMER.${request}.${stream}.${durable}`)),
  ];
}

/** Names of the durables of a stream that other users have. */
function othersDurables(name: BusUserName, stream: string): string[] {
  return busUserList
    .filter(([other]) => other !== name)
    .flatMap(([, user]) => user.consumes ?? [])
    .filter(({ event }) => eventOf(event).stream === stream)
    .map(({ durable }) => durable);
}

/** To read objects of a bucket. Nobody may purge: what is stored stays. */
function bucketReads(bucket: string): string[] {
  const stream = `OBJ_${bucket}`;
  return [
    api(`STREAM.INFO.${stream}`),
    api(`STREAM.MSG.GET.${stream}`),
    api(`DIRECT.GET.${stream}`),
    api(`DIRECT.GET.${stream}.>`),
    api(`CONSUMER.CREATE.${stream}.>`),
    api(`CONSUMER.INFO.${stream}.*`),
    api(`CONSUMER.DELETE.${stream}.*`),
    `$JS.FC.${stream}.>`,
  ];
}
