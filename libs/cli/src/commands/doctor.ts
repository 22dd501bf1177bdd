import { connect } from 'node:net';

import { addressesFromEnvironment, peersFromEnvironment } from '@rookery/client';
import type { Peers } from '@rookery/client';
import { checkHealth, httpStatus } from '@rookery/service-kit/client';
import type { HealthReport } from '@rookery/service-kit/client';
import { redactUrl } from '@rookery/telemetry';
import { Command } from 'commander';

import { output } from '../output.js';
import { exitCodes } from '../report-failure.js';
import { renderTable } from '../table.js';

interface Finding {
  readonly what: string;
  readonly where: string;
  readonly ok: boolean;
  readonly detail: string;
  /** Of a service with a database: when it was built, and how far the log was read for that. */
  readonly rebuilt?: NonNullable<HealthReport['rebuilt']>;
}

const grpcServices = [
  'ingest',
  'transform',
  'trainer',
  'evaluator',
  'registry',
  'inference',
  'monitor',
] as const;

/** `rookery doctor`: is everything there and ready? Exit code 1 where something is not. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check Node, nats-server and every service')
    .option('--json', 'JSON')
    .action(async (flags: { json?: boolean }) => {
      const addresses = addressesFromEnvironment(process.env);
      const peers = peersFromEnvironment(process.env);
      const findings: Finding[] = [nodeFinding(), await natsFinding(addresses.nats)];
      for (const name of grpcServices) {
        const report = await checkHealth(addresses[name], '', 2_000, peers.credentials);
        findings.push({
          what: name,
          where: addresses[name],
          ok: report.status === 'SERVING',
          detail: report.detail ?? report.status,
          ...(report.rebuilt === undefined ? {} : { rebuilt: report.rebuilt }),
        });
      }
      findings.push(await consoleFinding(addresses.console, peers));
      output(flags.json, findings, () =>
        renderTable(
          ['', 'WHAT', 'WHERE', 'DETAIL'],
          findings.map((finding) => [
            finding.ok ? 'ok' : 'NOT OK',
            finding.what,
            finding.where,
            finding.rebuilt === undefined
              ? finding.detail
              : `${finding.detail}; ${databaseWords(finding.rebuilt)}`,
          ]),
        ),
      );
      if (findings.some((finding) => !finding.ok)) {
        console.error(
          'Start the system with npm start, and look into .rookery/logs/ for a service that does not come up.',
        );
        process.exitCode = exitCodes.failed;
      }
    });
}

/** "database built 2026-01-31 12:00:00Z from 120 events (ML_EVENTS to 140, ML_JOBS to 12), 1 passed over". */
export function databaseWords({
  atMs,
  events,
  skipped,
  through,
}: NonNullable<HealthReport['rebuilt']>): string {
  const at = new Date(atMs).toISOString().replace('T', ' ').replace(/\.\d+/, '');
  const read = Object.entries(through).map(([stream, sequence]) => `${stream} to ${sequence}`);
  const from = events + skipped === 0 ? 'from an empty log' : `from ${events} events (${read.join(', ')})`;
  return `database built ${at} ${from}${skipped === 0 ? '' : `, ${skipped} passed over`}`;
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return {
    what: 'node',
    where: process.execPath,
    ok,
    detail: `${process.version}${ok ? '' : '; 20.19 or newer is needed'}`,
  };
}

function natsFinding(url: string): Promise<Finding> {
  const { hostname, port } = new URL(url.split(',')[0] ?? url);
  const finding = (ok: boolean, detail: string): Finding => ({
    what: 'nats-server',
    where: redactUrl(url),
    ok,
    detail,
  });
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 4222) });
    socket.setTimeout(2_000, () => {
      socket.destroy();
      resolve(finding(false, 'no answer'));
    });
    socket.once('error', (error) => {
      resolve(finding(false, error.message));
    });
    socket.once('data', (data) => {
      socket.destroy();
      const info = /^INFO (\{.*\})/.exec(data.toString('utf8'))?.[1];
      const parsed =
        info === undefined ? {} : (JSON.parse(info) as { version?: string; jetstream?: boolean });
      resolve(
        finding(
          parsed.jetstream === true,
          parsed.jetstream === true ? `version ${parsed.version}, JetStream` : 'JetStream is off',
        ),
      );
    });
  });
}

async function consoleFinding(address: string, peers: Peers): Promise<Finding> {
  const status = await httpStatus(address, '/health', peers);
  return {
    what: 'console',
    where: `${peers.encrypted ? 'https' : 'http'}://${address}`,
    ok: status === 200,
    detail: status === undefined ? 'no answer' : `HTTP ${status}`,
  };
}
