import { commandGroups } from './commands.ts';
import { exitCodes, helpText } from './help-text.ts';

/** The page docs/cli.md, made from the table of commands. */
export async function reference(): Promise<string> {
  const parts = [
    `# The command line

This page is made by \`node scripts/cli-reference.ts\`; a test keeps it in step with the commands.

\`squib COMMAND [OPTIONS]\` reads like docker's and AWS's command lines. \`squib help COMMAND\` and \`squib COMMAND --help\`
show what is here. From a clone of the sources \`npm link\` puts \`squib\` on the PATH, and so does
\`ln -s "$PWD/bin/squib" /usr/local/bin/squib\`.

## Which squib is asked

1. \`--config FILE\`: the squib of this machine with that configuration, as root.
2. \`--profile NAME\`: the one that \`endpoint_url\` of that profile in \`~/.aws/config\` names, with the profile's keys.
3. \`AWS_ENDPOINT_URL\` with \`AWS_ACCESS_KEY_ID\` and \`AWS_SECRET_ACCESS_KEY\`, as \`squib env\` prints them and every AWS tool
   reads them; with \`AWS_PROFILE\` instead of keys, those of the profile.
4. Otherwise the squib of this machine, as root; this needs root here, because its keys are root's.

So all commands but those under "This machine", \`base\`, \`prune\` and \`bench\` work against a squib on another machine.
Keys of the environment are sent nowhere without an endpoint. \`AWS_CONFIG_FILE\` and \`AWS_SHARED_CREDENTIALS_FILE\` are
respected.

## Ids, names, output

An id may be shortened to any beginning that only one MicroVM has, with or without \`microvm-\`; one that lives is meant rather
than one that has ended. An image is meant by its name or its ARN, a version by \`NAME:VERSION\`.

Results go to standard output, everything else to standard error. Long work shows what goes on in a line of its own on a
terminal, and only lines elsewhere. Lists are tables, or JSON with \`--json\`, in the API's form.

## Exit codes

| code | meaning |
|---|---|
${exitCodes.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')}

\`squib exec\` and \`squib shell\` end with the code of what they ran, or with 125 when squib itself failed. \`squib doctor\` ends
with 1 when something keeps squib from working, \`squib status\` when squib is not up.
`,
  ];
  for (const [title, group] of Object.entries(commandGroups)) {
    parts.push(`## ${title}\n`);
    for (const [name, load] of Object.entries(group)) {
      parts.push(`### squib ${name}\n\n\`\`\`text\n${helpText(name, await load())}\n\`\`\`\n`);
    }
  }
  return parts.join('\n');
}
