import { readConfig } from '../../config/config.ts';
import { command, jsonOption } from '../command.ts';

const marks = { ok: '✓', warning: '!', problem: '✗' };

export const doctor = command({
  summary: 'check this machine: what is wrong and what to do about it',
  synopsis: ['doctor [--config FILE] [--json]'],
  description: `Looks at every prerequisite of squib on this machine. ✓ is fine, ! works with a limit, ✗ keeps squib from working and
names the way out. Ends with code 1 when there is a ✗. Needs root for a full picture.`,
  options: {
    ...jsonOption,
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  examples: ['sudo squib doctor'],
  async run({ values }) {
    const { examine } = await import('../../setup/examine.ts');
    const findings = await examine(readConfig(values.config));
    if (values.json) {
      console.log(JSON.stringify(findings, undefined, 2));
    } else {
      const width = Math.max(...findings.map(({ subject }) => subject.length));
      for (const { state, subject, detail, remedy } of findings) {
        console.log(`${marks[state]} ${subject.padEnd(width)} ${detail}`);
        if (remedy) console.log(`  ${' '.repeat(width)} → ${remedy}`);
      }
      const problems = findings.filter(({ state }) => state === 'problem').length;
      console.log(problems === 0 ? '\nsquib can work on this machine.' : `\n${problems} to put right first.`);
    }
    if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
  },
});
