/**
 * Gets and starts a server that speaks MongoDB's protocol, for the tests that take MONGODB_URL: mongo-java-server, from
 * Maven Central by the versions of pom.xml. Needs Java 17 and Maven.
 *
 *   node tests/mongodb/server.mjs [port] [file]      # prints the URL, runs until Ctrl-C; with a file it keeps its data
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const jars = `${folder}target/jars`;
if (!existsSync(jars)) {
  const args = [
    '-q',
    '-B',
    '-f',
    `${folder}pom.xml`,
    'dependency:copy-dependencies',
    `-DoutputDirectory=${jars}`,
  ];
  const { status, error } = spawnSync('mvn', args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`mvn could not fetch mongo-java-server${error ? `: ${error.message}` : ''}`);
    process.exit(1);
  }
}
const args = ['-cp', `${jars}/*`, `${folder}Main.java`, ...process.argv.slice(2)];
const server = spawn('java', args, { stdio: ['ignore', 'inherit', 'ignore'] });
server.once('error', (error) => {
  console.error(`java could not be started: ${error.message}`);
  process.exitCode = 1;
});
server.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill());
