// @ts-check

/** A number with about four significant digits. @param {number | null | undefined} value */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return value.toLocaleString('en', { maximumFractionDigits: 1 });
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

/** A measured number: never without decimals, so that a column of them lines up. @param {number | null | undefined} value */
export function real(value) {
  if (value === null || value === undefined || !Number.isFinite(value) || !Number.isInteger(value))
    return number(value);
  const size = Math.abs(value);
  return size >= 1000 ? number(value) : value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4);
}

/** A number as somebody would write it, such as a threshold: no zeros at its end. @param {number | null | undefined} value */
export function plain(value) {
  return value === null || value === undefined || !Number.isFinite(value)
    ? '–'
    : String(Number(value.toPrecision(6)));
}

/** A spread with as many decimals as the mean beside it. @param {number} std @param {number} mean */
export function spread(std, mean) {
  const [, decimals] = real(mean).split('.');
  return decimals === undefined || decimals.includes('e') || std >= 1000
    ? real(std)
    : std.toFixed(decimals.length);
}

/** @param {number | null | undefined} share */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} ms */
export function ago(ms) {
  const seconds = Math.max(0, (Date.now() - ms) / 1000);
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(ms).toISOString().slice(0, 10);
}

/** @param {number} ms */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  });
}

/** @param {number} ms */
export function moment(ms) {
  return ms ? `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC` : '–';
}

/** @param {number} bytes */
export function size(bytes) {
  if (!bytes) return '–';
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** A cell of a row: missing is shown as such. @param {unknown} value */
export function cell(value) {
  if (value === null || value === undefined) return 'missing';
  return typeof value === 'number' ? number(value) : String(value);
}

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
