import { readConfig } from '../../config/config.ts';
import { command, jsonOption } from '../command.ts';

const marks = { ok: '✓', warning: '!', problem: '✗' };

export const doctor = command({
  summary: 'check this machine: what is wrong and what to do about it',
  synopsis: ['doctor [--security] [--config FILE] [--json]'],
  description: `Looks at every prerequisite of squib on this machine. ✓ is fine, ! works with a limit, ✗ keeps squib from working and
names the way out. Ends with code 1 when there is a ✗. Needs root for a full picture.

--security looks at what weakens the walls around MicroVMs instead: settings of the kernel, modes of files, addresses.`,
  options: {
    ...jsonOption,
    security: { type: 'boolean', help: 'what weakens the walls around MicroVMs' },
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  examples: ['sudo squib doctor', 'sudo squib doctor --security'],
  async run({ values }) {
    const { examine } = await import('../../setup/examine.ts');
    const { examineSecurity } = await import('../../setup/examine-security.ts');
    const config = readConfig(values.config);
    const findings = values.security ? examineSecurity(config) : await examine(config);
    if (values.json) {
      console.log(JSON.stringify(findings, undefined, 2));
    } else {
      const width = Math.max(...findings.map(({ subject }) => subject.length));
      for (const { state, subject, detail, remedy } of findings) {
        console.log(`${marks[state]} ${subject.padEnd(width)} ${detail}`);
        if (remedy) console.log(`  ${' '.repeat(width)} → ${remedy}`);
      }
      const problems = findings.filter(({ state }) => state === 'problem').length;
      const fine = values.security
        ? '\nNothing here opens a wall; ! weakens one (docs/security.md).'
        : '\nsquib can work on this machine.';
      console.log(problems === 0 ? fine : `\n${problems} to put right first.`);
    }
    if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
  },
});
