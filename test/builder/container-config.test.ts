import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readContainerConfig } from '../../src/host/builder/container-config.ts';
import { resolveUser } from '../../src/host/builder/container-user.ts';

const passwd = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\nbad:x:-1:0::/:\n';
const group = 'root:x:0:\napp:x:1001:\nvideo:x:44:other,app\nself:x:1001:app\nstaff:x:50:app\n';

describe('container configuration', () => {
  test('users and groups by name and number', () => {
    const user = (text: string) => resolveUser(text, passwd, group);
    assert.deepEqual(user(''), { uid: 0, gid: 0, groups: [], home: '/root' });
    assert.deepEqual(user('app'), { uid: 1000, gid: 1001, groups: [44, 50], home: '/home/app' });
    assert.deepEqual(user('1000'), user('app'));
    assert.deepEqual(user('4711'), { uid: 4711, gid: 0, groups: [], home: '/' });
    assert.deepEqual(user('app:video'), { uid: 1000, gid: 44, groups: [], home: '/home/app' });
    assert.deepEqual(user('5:6'), { uid: 5, gid: 6, groups: [], home: '/' });
    assert.deepEqual(user(':staff'), { uid: 0, gid: 50, groups: [], home: '/root' });
    for (const wrong of ['nobody', 'bad', '4294967296', '-1', 'app:none']) assert.throws(() => user(wrong));
  });

  test('an image with everything, and one with nothing', () => {
    const config = {
      Entrypoint: ['/bin/sh', '-c', 'exec x'],
      Cmd: null,
      Env: ['A=b=c', 'B'],
      WorkingDir: 'app',
      User: 'app',
      StopSignal: 'SIGINT',
      ExposedPorts: { '80/tcp': {} },
    };
    const all = readContainerConfig({ config: JSON.stringify({ config }), passwd, group });
    assert.deepEqual(
      { ...all, user: all.user.uid },
      {
        entrypoint: ['/bin/sh', '-c', 'exec x'],
        cmd: [],
        env: { A: 'b=c', B: '' },
        workingDir: '/app',
        user: 1000,
        stopSignal: 'SIGINT',
        exposedPorts: ['80/tcp'],
      },
    );
    const none = readContainerConfig({ config: '{"config":{}}', passwd: '', group: '' });
    assert.deepEqual(none.user, { uid: 0, gid: 0, groups: [], home: '/' });
    assert.equal(none.workingDir, '/');
  });
});
