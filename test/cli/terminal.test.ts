import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { probeHooks } from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';
import { run as runSquib, userEnvironment } from './lab/squib-cli.ts';
import { Terminal } from './lab/terminal.ts';

const app = fileURLToPath(new URL('../support/probe-app', import.meta.url));
let squib: TestSquib;
let env: NodeJS.ProcessEnv;
let terminal: Terminal;
let folder: string;
/** A MicroVM that runs as long as nothing ends it. */
let id: string;
const squibDo = (args: string[], input?: string | Buffer) => runSquib(args, env, input);
const short = (whole: string) => whole.slice('microvm-'.length, 'microvm-'.length + 8);

before(async () => {
  squib = await TestSquib.start();
  env = userEnvironment(squib);
  folder = mkdtempSync('/tmp/squib-cli-');
  terminal = new Terminal(env);
});
after(async () => {
  terminal.close();
  await squib.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('from a folder to a MicroVM', { concurrency: false }, () => {
  test('where there is nothing yet, every list says what to do', async () => {
    for (const [list, hint] of [
      ['ps', "squib run IMAGE'"],
      ['images', "squib deploy FOLDER'"],
      ['builds', 'no builds'],
      ['events', ''],
    ] as const) {
      const { stdout, stderr, code } = await squibDo([list]);
      assert.deepEqual([code, stdout], [0, ''], list);
      assert.ok(stderr.includes(hint), stderr);
      if (list !== 'events') assert.equal((await squibDo([list, '--json'])).stdout, '[]\n');
    }
    const { code, stderr } = await squibDo(['run', 'nothing']);
    assert.equal(code, 1);
    assert.match(stderr, /^squib: There is no image 'nothing'\.\n {7}Make one .*'squib deploy FOLDER'\.\n$/);
  });

  test('deploy shows the build as it goes on, and how to go on; events tell it all', async () => {
    const settings = join(folder, 'settings.json');
    writeFileSync(settings, JSON.stringify({ hooks: probeHooks }));
    const watching = new Terminal(env);
    try {
      watching.enter('squib events --follow');
      const screen = await terminal.run(
        `squib deploy ${app} --name probe --memory 512 --settings ${settings}`,
      );
      assert.match(screen, /Uploaded 2 files .* as s3:\/\/squib-deploy\/probe\//);
      assert.match(screen, /^#1 \[internal\] load build definition from Dockerfile$/m);
      assert.match(screen, /probe version 1\.0 is ready\. Run it:\n {2}squib run probe --wait\n<0>$/);
      assert.doesNotMatch(screen, /building version/, 'the line of progress is gone');
      const seen = await watching.until(/image probe {2}CREATING → CREATED/);
      assert.match(seen, /version probe:1\.0 {2}IN_PROGRESS → SUCCESSFUL {2}\S+/);
    } finally {
      watching.close();
    }
    assert.match(await terminal.run('squib images'), /^probe {2}CREATED {2}1\.0 +- +\d+ s ago$/m);
    assert.match(
      await terminal.run('squib images probe'),
      /^1\.0 +SUCCESSFUL {2}ACTIVE {2}512 MiB {2}\d+ s ago$/m,
    );
    assert.match(
      await terminal.run('squib builds'),
      /^probe {2}1\.0 +[0-9a-f]{8} {2}SUCCESSFUL +[\d.]+ MiB/m,
    );
    assert.match(await terminal.run('squib logs probe -n 3'), /\S.*\n<0>$/);
  });

  test('run prints the id and a request that works as it is', async () => {
    const screen = await terminal.run('squib run probe --wait --idle 1h');
    const [, found = ''] = /^ID: +(microvm-[0-9a-f-]{36})$/m.exec(screen) ?? [];
    assert.match(screen, /^State: +RUNNING$/m);
    id = found;
    const curl = /^curl .*$/m.exec(screen)?.[0] ?? '';
    assert.equal(await terminal.run(`${curl} -s`), '{"count": 1}<0>');
  });

  test('ps, inspect and status show it', async () => {
    const list = await terminal.run('squib ps');
    assert.match(
      list,
      /^ID +IMAGE +VERSION {2}STATE +STARTED\n[0-9a-f]{8} {2}probe +1\.0 +RUNNING +\d+ s ago\n<0>$/,
    );
    assert.match(await terminal.run('squib ps --usage'), / {2}\d+\.\d s +[\d.]+ MiB +[\d.]+ [KM]iB\n/);
    const one = await terminal.run(`squib inspect ${short(id)}`);
    assert.match(
      one,
      /^Idle policy: +suspended after 60 min, ended after 8 h suspended, wakes up with a request$/m,
    );
    assert.match(
      one,
      /What happened:\n {2}\S+ \S+ {2}PENDING {2}RunMicrovm was called by \S+\n.*PENDING → RUNNING/,
    );
    assert.match(await terminal.run('squib status'), /^MicroVMs: +1 running, 0 suspended$/m);
    const whole = JSON.parse((await squibDo(['inspect', short(id), '--json'])).stdout);
    assert.equal(whole.microvmId, id);
    const image = await terminal.run('squib inspect probe');
    assert.match(image, /^Version 1\.0: +SUCCESSFUL, ACTIVE$/m);
  });
});

describe('exec', { concurrency: false }, () => {
  const exec = (args: string[], input?: string | Buffer) => squibDo(['exec', ...args], input);

  test('keeps output and errors apart and ends with the exit code of the command', async () => {
    const seen = await exec([short(id), 'sh', '-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual(seen, { stdout: 'out\n', stderr: 'err\n', code: 3 });
    assert.equal((await exec([id, 'sh', '-c', 'kill -TERM $$'])).code, 143);
    const missing = await exec([id, '--', 'no-such-program']);
    assert.deepEqual(missing, {
      stdout: '',
      stderr: 'no-such-program: No such file or directory\n',
      code: 127,
    });
  });

  test('runs as the image says, or as it is told; options of the command are its own', async () => {
    assert.equal((await exec([id, 'pwd'])).stdout, '/app\n');
    const told = ['-e', 'A=1', '--env', 'B=x=y', '-w', '/tmp', '-u', 'nobody'];
    const { stdout } = await exec([...told, id, 'sh', '-c', 'echo $A $B $PWD $(id -un)', '-e']);
    assert.equal(stdout, '1 x=y /tmp nobody\n');
    const unknown = await exec(['-u', 'ada', id, 'true']);
    assert.equal(unknown.code, 125);
    assert.match(unknown.stderr, /unable to find user ada/);
  });

  test('sends input only with -i, megabytes of it too', async () => {
    const bytes = randomBytes(2_000_000).toString('base64');
    const { stdout, code } = await exec(['-i', id, 'cat'], bytes);
    assert.equal(code, 0);
    assert.ok(stdout === bytes);
    assert.equal((await exec([id, 'cat'], 'not for it')).stdout, '');
  });

  test('does not wait for what a command leaves in the background', async () => {
    const { stdout, code } = await exec([id, 'sh', '-c', 'sleep 1000 & echo started']);
    assert.deepEqual([stdout, code], ['started\n', 0]);
  });

  test('on a terminal passes keys, sizes and Ctrl-C, and leaves the terminal as it was', async () => {
    terminal.clear();
    terminal.enter(`squib exec -it ${short(id)} bash`);
    await terminal.until(/[$#]$/);
    terminal.enter('tty; stty size; echo "$TERM"');
    await terminal.until(/^\/dev\/pts\/\d+\n50 150\n(tmux|screen)\S*$/m);
    terminal.resize(100, 30);
    terminal.enter('stty size');
    await terminal.until(/^30 100$/m);
    terminal.enter(`sh -c "echo as''leep; exec sleep 1000"`);
    await terminal.until(/^asleep$/m);
    terminal.press('C-c');
    await terminal.until(/\^C\n+.*[$#]$/);
    terminal.enter('exit 5');
    await terminal.prompt();
    terminal.enter('echo "code $?"; stty -a | grep -o " icanon"');
    assert.match(await terminal.until(/^ icanon$/m), /^code 5$/m);
    terminal.resize(150, 50);
  });

  test('without a terminal Ctrl-C reaches the command', async () => {
    terminal.clear();
    terminal.enter(
      `squib exec ${short(id)} sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done'; echo "<$?>"`,
    );
    await terminal.until(/^ready$/m);
    terminal.press('C-c');
    assert.match(await terminal.until(/^<\d+>$/m), /caught\n<9>$/m);
  });

  test('shell is a shell of root', async () => {
    terminal.clear();
    terminal.enter(`squib shell ${short(id)}`);
    await terminal.until(/[$#]$/);
    terminal.enter('id -un; echo "this is $0"');
    await terminal.until(/^root\nthis is bash$/m);
    terminal.press('C-d');
    await terminal.prompt();
    const script = await squibDo(['shell', id], 'echo "$((6 * 7))"; exit 4');
    assert.deepEqual(script, { stdout: '42\n', stderr: '', code: 4 });
    assert.equal((await exec(['-it', id, 'true'])).code, 2);
  });
});

describe('cp', { concurrency: false }, () => {
  test('copies files and folders in and out, with modes and links', async () => {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'deep/er'), { recursive: true });
    writeFileSync(join(tree, 'deep/er/data'), randomBytes(3_000_000));
    writeFileSync(join(tree, 'run.sh'), 'echo "I run"\n', { mode: 0o755 });
    symlinkSync('run.sh', join(tree, 'link'));
    assert.deepEqual(await squibDo(['cp', tree, `${short(id)}:/srv/`]), { stdout: '', stderr: '', code: 0 });
    const { stdout } = await squibDo(['exec', id, 'sh', '/srv/tree/link']);
    assert.equal(stdout, 'I run\n');
    await squibDo(['cp', `${id}:/srv/tree`, join(folder, 'back')]);
    assert.ok(
      readFileSync(join(folder, 'back/deep/er/data')).equals(readFileSync(join(tree, 'deep/er/data'))),
    );
    assert.equal(statSync(join(folder, 'back/run.sh')).mode & 0o777, 0o755);
    assert.equal(readlinkSync(join(folder, 'back/link')), 'run.sh');
  });

  test('gives a file a new name, replaces one, and copies contents with /.', async () => {
    writeFileSync(join(folder, 'one'), 'first');
    await squibDo(['cp', join(folder, 'one'), `${id}:/srv/two`]);
    writeFileSync(join(folder, 'one'), 'second');
    await squibDo(['cp', join(folder, 'one'), `${id}:/srv/two`]);
    assert.equal((await squibDo(['exec', id, 'cat', '/srv/two'])).stdout, 'second');
    await squibDo(['cp', `${join(folder, 'tree')}/.`, `${id}:/srv/contents`]);
    assert.equal((await squibDo(['exec', id, 'ls', '/srv/contents'])).stdout, 'deep\nlink\nrun.sh\n');
    mkdirSync(join(folder, 'into'));
    await squibDo(['cp', `${id}:/srv/contents/.`, join(folder, 'into')]);
    assert.deepEqual(readdirSync(join(folder, 'into')).sort(), ['deep', 'link', 'run.sh']);
  });

  test('is a tar stream with -', async () => {
    const whole = await terminal.run(`squib cp ${short(id)}:/srv/contents - | tar t | sort`);
    assert.match(whole, /^contents\/\ncontents\/deep\/\n[^<]*contents\/run\.sh\n<0>$/);
    const there = await terminal.run(
      `tar cz -C ${folder} one | squib cp - ${short(id)}:/tmp && squib exec ${short(id)} cat /tmp/one`,
    );
    assert.equal(there, 'second<0>');
  });

  test('says what is wrong, on either side', async () => {
    for (const [args, code, problem] of [
      [[`${id}:/nowhere`, folder], 1, /^squib: \/nowhere: No such file or directory\.\n/],
      [['/nowhere', `${id}:/tmp`], 1, /^squib: \/nowhere is not there/],
      [[join(folder, 'one'), `${id}:/no/folder/x`], 1, /^squib: \/no\/folder: No such file or directory/],
      [[`${id}:/srv/two`, '/no/folder/x'], 1, /^squib: The folder \/no\/folder is not there/],
      [['a', 'b'], 2, /One side must be ID:PATH/],
      [[`${id}:relative`, 'b'], 2, /'relative' is not an absolute path/],
    ] as const) {
      const seen = await squibDo(['cp', ...args]);
      assert.equal(seen.code, code, seen.stderr);
      assert.match(seen.stderr, problem);
    }
    // On a busy machine the MicroVM has refused before there is anything to send.
    const many = await Promise.all(
      Array.from({ length: 6 }, () => squibDo(['cp', join(folder, 'one'), `${id}:/no/folder/x`])),
    );
    for (const { stderr } of many) assert.match(stderr, /^squib: \/no\/folder: No such file or directory/);
  });
});

describe('the life of a MicroVM', { concurrency: false }, () => {
  test('logs and events follow it until Ctrl-C', async () => {
    terminal.clear();
    terminal.enter(`squib logs -f ${short(id)}`);
    await terminal.until(/hook run/);
    await squibDo(['exec', id, 'sh', '-c', 'echo "said to the log" > /proc/1/fd/1']);
    await terminal.until(/^said to the log$/m);
    terminal.press('C-c');
    await terminal.prompt();
    assert.equal((await squibDo(['logs', id, '-n', '1'])).stdout, 'said to the log\n');
    assert.match(
      (await squibDo(['logs', id, '--since', '1h', '-t'])).stdout,
      /^\d{4}-\d\d-\d\d \S+ {2}probe app starts|hook run$/m,
    );
  });

  test('suspend and resume wait for it; a command wakes it up by itself', async () => {
    assert.equal(await terminal.run(`squib suspend ${short(id)}`), `${id}\n<0>`);
    assert.match(await terminal.run('squib ps'), / SUSPENDED /);
    assert.equal(await terminal.run(`squib resume ${short(id)}`), `${id}\n<0>`);
    await squibDo(['suspend', id]);
    assert.deepEqual(await squibDo(['exec', id, 'echo', 'awake']), {
      stdout: 'awake\n',
      stderr: '',
      code: 0,
    });
    const { stdout } = await squibDo(['events', id, '--json']);
    const last = stdout
      .trim()
      .split('\n')
      .slice(-3)
      .map((line) => JSON.parse(line).detail);
    assert.deepEqual(
      last.map(({ state }) => state),
      ['SUSPENDED', 'RESUMING', 'RUNNING'],
    );
    assert.equal(last[1].reason, 'A request arrived at the endpoint.');
  });

  test('a command that runs is lost with a suspension, and says so', async () => {
    const lost = squibDo(['exec', id, 'sh', '-c', 'echo here; sleep 1000']);
    await terminal.run('sleep 1');
    await squibDo(['suspend', id]);
    const { code, stderr } = await lost;
    assert.deepEqual(
      [code, stderr.split('\n')[0]],
      [125, 'squib: The MicroVM was suspended or ended, and the command with it.'],
    );
    await squibDo(['resume', id]);
  });

  test('fork, rm of several, and ids that are not clear', async () => {
    const copies = JSON.parse((await squibDo(['fork', id, '--count', '2', '--json'])).stdout);
    assert.equal(copies.length, 2);
    const unclear = await squibDo(['inspect', 'microvm-']);
    assert.equal(unclear.code, 1);
    assert.match(unclear.stderr, /'microvm-' is the beginning of 3 MicroVMs: microvm-/);
    const removed = await terminal.run('squib rm $(squib ps -q)');
    assert.equal(removed.match(/^microvm-/gm)?.length, 3);
    assert.match((await squibDo(['ps', '--all'])).stdout, /TERMINATED/);
    const ended = await squibDo(['exec', id, 'true']);
    assert.equal(ended.code, 125);
    assert.match(ended.stderr, /has been terminated/);
    assert.equal(await terminal.run('squib images rm probe'), 'probe is being removed.\n<0>');
  });
});

describe('another squib', { concurrency: false }, () => {
  test('is found by a profile of AWS’s tools, and its answers are its own words', async () => {
    const file = join(folder, 'aws-config');
    const keys = `aws_access_key_id = ${env.AWS_ACCESS_KEY_ID}\naws_secret_access_key = ${env.AWS_SECRET_ACCESS_KEY}`;
    writeFileSync(
      file,
      `[profile far]\nregion = us-east-1\nendpoint_url = ${env.AWS_ENDPOINT_URL}\n${keys}\n[profile keyless]\nendpoint_url = x\n`,
    );
    const plain = {
      PATH: env.PATH,
      HOME: folder,
      AWS_CONFIG_FILE: file,
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
    };
    assert.equal((await runSquib(['ps', '--all', '-q', '--profile', 'far'], plain)).code, 0);
    assert.equal((await runSquib(['status'], { ...plain, AWS_PROFILE: 'far' })).code, 0);
    for (const [name, problem] of [
      ['keyless', /The profile 'keyless' has no keys/],
      ['none', /There is no profile 'none'/],
    ] as const) {
      const { code, stderr } = await runSquib(['ps', '--profile', name], plain);
      assert.equal(code, 1);
      assert.match(stderr, problem);
    }
    const nobody = await runSquib(['ps'], { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' });
    assert.match(nobody.stderr, /squib does not answer at http:\/\/127\.0\.0\.1:1\.\n.*squib up/);
    assert.equal(nobody.code, 1);
  });

  test('lets a user do only what the policy says', async () => {
    const policy = join(folder, 'policy.json');
    const statement = { Effect: 'Allow', Action: ['lambda:List*', 'lambda:Get*'], Resource: '*' };
    writeFileSync(policy, JSON.stringify({ Version: '2012-10-17', Statement: statement }));
    const made = JSON.parse(
      (await squibDo(['credentials', 'create', 'ada', '--policy', policy, '--json'])).stdout,
    );
    const limited = {
      ...env,
      AWS_ACCESS_KEY_ID: made.accessKeyId,
      AWS_SECRET_ACCESS_KEY: made.secretAccessKey,
    };
    assert.equal((await runSquib(['ps'], limited)).code, 0);
    const denied = await runSquib(['events'], limited);
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /user\/ada is not authorized to perform: squib:ListEvents/);
  });
});

describe('the daemon', { concurrency: false }, () => {
  test('goes up in the background and down again', async () => {
    const config = ['--config', join(squib.config.dataDir, 'config.json')];
    const root = { PATH: process.env.PATH, HOME: folder, SQUIB_CACHE_DIR: squib.config.cacheDir };
    await squib.down('SIGTERM');
    const down = await runSquib(['status', ...config], root);
    assert.deepEqual([down.code, down.stdout], [1, '']);
    assert.match(down.stderr, /^squib: squib is not up .*\n.*squib up --detach/);
    const up = await runSquib(['up', '--detach', ...config], root);
    assert.equal(up.code, 0, up.stderr);
    assert.match(
      up.stdout,
      /^squib is up: API http:\/\/localhost:\d+, .*\nIts log is \S+squib\.log; 'squib down' stops it\.\n/,
    );
    const again = await runSquib(['up', '--detach', ...config], root);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /squib did not start\. Another squib is up on the data directory/);
    assert.match((await runSquib(['status', ...config], root)).stdout, /^Process: +\d+$/m);
    assert.deepEqual(await runSquib(['down', ...config], root), {
      stdout: 'squib is down.\n',
      stderr: '',
      code: 0,
    });
    assert.equal((await runSquib(['down', ...config], root)).stdout, 'squib is not up.\n');
  });
});
