import type { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { Command } from 'commander';

import { countOption } from '../number-option.js';
import { output } from '../output.js';
import { shortNumber } from '../progress/step-line.js';
import { renderTable, shortTime } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery monitor [model]`: what is watched, or a fresh report of one model. */
export function monitorCommand(): Command {
  return new Command('monitor')
    .description('Show what is watched, or compare a model with its reference now')
    .argument('[model]', 'model name')
    .option('--window <n>', 'most recent predictions to look at', '0')
    .option('--list', 'list earlier reports instead of making one')
    .option('--json', 'JSON')
    .action(async (model: string | undefined, flags: { window: string; list?: boolean; json?: boolean }) => {
      await withClient(async (client) => {
        if (model === undefined) {
          const models = await client.monitored();
          output(flags.json, models, () =>
            renderTable(
              ['MODEL', 'VERSION', 'CAPTURED', 'LABELLED', 'DROPPED', 'LOST BATCHES', 'WAITING LABELS'],
              models.map((item) => [
                item.model,
                item.version,
                item.captured,
                item.labelled,
                item.dropped,
                item.lostBatches,
                item.waitingLabels,
              ]),
            ),
          );
          return;
        }
        if (flags.list === true) {
          const reports = await client.reports(model);
          output(flags.json, reports, () =>
            renderTable(
              ['REPORT', 'VERSION', 'TRIGGER', 'PREDICTIONS', 'DRIFTED', 'ENDED'],
              reports.map((report) => [
                report.reportId,
                report.version,
                report.trigger,
                report.predictions,
                `${report.datasetDrift?.driftedColumns ?? 0}/${report.datasetDrift?.testedColumns ?? 0}`,
                shortTime(report.windowEndMs),
              ]),
            ),
          );
          return;
        }
        const report = await client.report({ model, window: countOption('--window', flags.window) });
        output(flags.json, report, () => renderReport(report));
      });
    });
}

function renderReport(report: MonitorReported): string {
  const drift = report.datasetDrift;
  const verdict = drift?.drifted ? 'the data drifted' : 'no drift of the data set';
  const quality = Object.entries(report.quality)
    .map(
      ([name, value]) =>
        `${name} ${shortNumber(value)} (training ${shortNumber(report.baseline[name] ?? NaN)})`,
    )
    .join(', ');
  return [
    `${report.model} version ${report.version}: ${report.predictions} predictions, ${report.labelled} labelled`,
    `${verdict}: ${drift?.driftedColumns ?? 0} of ${drift?.testedColumns ?? 0} columns drifted`,
    ...(quality ? [`quality: ${quality}`] : []),
    ...report.alerts.map((alert) => `alert: ${alert}`),
    '',
    renderTable(
      ['COLUMN', 'ROLE', 'METHOD', 'SCORE', 'THRESHOLD', 'DRIFT', 'MISSING', 'OUT OF RANGE', 'NOTE'],
      report.columns.map((column) => [
        column.name,
        column.role,
        column.method,
        column.status === 'ok' ? column.score.toPrecision(4) : '–',
        column.threshold,
        column.status === 'ok' ? (column.drifted ? 'yes' : 'no') : column.status,
        `${(column.missingShare * 100).toFixed(1)} %`,
        `${(column.outOfRangeShare * 100).toFixed(1)} %`,
        [
          column.message,
          Object.entries(column.newCategories)
            .map(([name, count]) => `new: ${name} ×${count}`)
            .join(', '),
        ]
          .filter(Boolean)
          .join('; '),
      ]),
    ),
  ].join('\n');
}
