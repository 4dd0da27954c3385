import { DockerfileParser, type Flag, type From, type Instruction } from 'dockerfile-ast';
import { defaultArguments, expandVariables } from './dockerfile-variables.ts';
import { fullReference, isReference } from './image-reference.ts';

/** A Dockerfile as the builder gets it. */
export interface BuildPlan {
  /** As the user wrote it. */
  source: string;
  /** The text with full image names, and without the flags that this builder does not need. Lines are unchanged. */
  text: string;
  /** Full names of all images that come from outside. */
  references: string[];
  stages: PlannedStage[];
  /** Whether a RUN step may want to become root again, as `sudo` does: it names it, or runs as another user. */
  needsSetuid: boolean;
  /** Things left out that the user should know of. */
  notes: string[];
}

export interface PlannedStage {
  /** From `FROM … AS name`. */
  name: string | undefined;
  /** `FROM` first. */
  instructions: PlannedInstruction[];
}

/** Lines count from 1. */
export interface PlannedInstruction {
  keyword: string;
  firstLine: number;
  lastLine: number;
}

/** The Dockerfile asks for something that cannot be done; `message` names line and reason. */
export class DockerfileRefused extends Error {
  override readonly name = 'DockerfileRefused';
  readonly line: number;
  constructor(line: number, reason: string) {
    super(`Dockerfile:${line}: ${reason}`);
    this.line = line;
  }
}

const known = new Set(
  (
    'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER ' +
    'VOLUME WORKDIR'
  ).split(' '),
);

/** What the builder takes as it is, by instruction. */
const flagsKnown: Record<string, ReadonlySet<string>> = {
  ADD: new Set(['checksum', 'chmod', 'chown', 'exclude']),
  COPY: new Set(['chmod', 'chown', 'exclude', 'from']),
  FROM: new Set(['platform']),
  HEALTHCHECK: new Set(['interval', 'retries', 'start-interval', 'start-period', 'timeout']),
  RUN: new Set(['mount', 'network']),
};

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * Reads a Dockerfile, finds the images it needs and what the builder cannot do, before anything is started.
 * @throws DockerfileRefused
 */
export function planBuild(source: string): BuildPlan {
  const offsets = lineOffsets(source);
  const at = (position: { line: number; character: number }) => offsets[position.line]! + position.character;
  const dockerfile = DockerfileParser.parse(source);
  const variables = defaultArguments(dockerfile.getInitialARGs());
  const names = new Set<string>();
  const references = new Set<string>();
  const edits: Edit[] = [];
  const notes: string[] = [];
  const stages: PlannedStage[] = [];
  /** Of each stage, whether its user is someone else than root so far. */
  const byOther: boolean[] = [];
  let needsSetuid = false;

  /** Notes an image from outside and puts its full name into the text; stages keep their names. @returns the name meant */
  const useImage = (written: string, range: Parameters<typeof spanOf>[0], line: number): string => {
    const image = expandVariables(written, variables);
    if (image === '') throw new DockerfileRefused(line, `the image name ${JSON.stringify(written)} is empty`);
    if (image === 'scratch' || names.has(image.toLowerCase()) || /^\d+$/.test(image)) return image;
    if (!isReference(image)) throw new DockerfileRefused(line, `${JSON.stringify(image)} is no image name`);
    references.add(fullReference(image));
    edits.push({ ...spanOf(range), text: fullReference(image) });
    return image;
  };
  const spanOf = (range: Instruction['getRange'] extends () => infer R ? R : never) => ({
    start: at(range.start),
    end: at(range.end),
  });
  const leaveOut = (flag: Flag) => edits.push({ ...spanOf(flag.getRange()), text: '' });

  const stageNumber = (image: string) =>
    /^\d+$/.test(image)
      ? Number(image)
      : stages.findLastIndex(({ name }) => name?.toLowerCase() === image.toLowerCase());

  for (const instruction of dockerfile.getInstructions()) {
    const keyword = instruction.getKeyword();
    const range = instruction.getRange();
    const line = range.start.line + 1;
    if (keyword === 'FROM') {
      const from = instruction as From;
      const image = from.getImage();
      const imageRange = from.getImageRange();
      if (!image || !imageRange) throw new DockerfileRefused(line, 'FROM names no image');
      const meant = useImage(image, imageRange, line);
      byOther.push(byOther[stageNumber(meant)] ?? false);
      const platform = from.getPlatformFlag();
      if (platform) {
        leaveOut(platform);
        notes.push(
          `Dockerfile:${line}: ${flagText(platform)} is left out: images are built for this host's platform`,
        );
      }
      const stage = from.getBuildStage();
      if (stage) names.add(stage.toLowerCase());
      stages.push({ name: stage ?? undefined, instructions: [] });
    }
    if (keyword === 'USER')
      byOther[stages.length - 1] = !/^(root|0)(:|$)/.test(instruction.getRawArgumentsContent() ?? '');
    if (keyword === 'RUN') needsSetuid ||= byOther.at(-1) || /\bsudo\b/.test(instruction.getTextContent());
    stages.at(-1)?.instructions.push({ keyword, firstLine: line, lastLine: range.end.line + 1 });

    if (!known.has(keyword)) throw new DockerfileRefused(line, `unknown instruction ${keyword}`);
    if (keyword === 'RUN') edits.push(...scriptHeredoc(source, at(range.start)));
    for (const flag of flagsOf(instruction)) {
      const name = flag.getName();
      if (keyword === 'COPY' && name === 'from' && flag.getValue()) {
        useImage(flag.getValue()!, flag.getValueRange()!, line);
      } else if ((keyword === 'COPY' || keyword === 'ADD') && name === 'link') {
        leaveOut(flag); // a hint about caching, without effect on the result
      } else if (keyword === 'RUN' && name === 'mount') {
        const from = flag.getOption('from');
        if (from?.getValue()) useImage(from.getValue()!, from.getValueRange()!, line);
        const size = flag.getOption('size');
        if (size) edits.push({ ...spanOf(size.getNameRange()), text: 'tmpfs-size' }); // buildah's name for it
        refuseMount(flag, line);
      } else if ((keyword === 'COPY' || keyword === 'ADD') && name === 'parents') {
        throw new DockerfileRefused(
          line,
          `${keyword} --parents is not supported; copy the directories one by one`,
        );
      } else if (keyword === 'RUN' && (name === 'security' || name === 'device')) {
        throw new DockerfileRefused(line, `RUN --${name} is not supported; builds run without privileges`);
      } else if (!flagsKnown[keyword]?.has(name)) {
        throw new DockerfileRefused(line, `${keyword} --${name} is not supported`);
      }
    }
    if (keyword === 'ADD') refuseGit(instruction, line);
  }
  if (stages.length === 0) throw new DockerfileRefused(1, 'there is no FROM instruction');
  return { source, text: applyEdits(source, edits), references: [...references], stages, needsSetuid, notes };
}

/**
 * `RUN <<END` whose text starts with `#!interpreter`: buildah would put the text into a file that its chroot isolation
 * never shows to the step. So the shell passes it on: `RUN interpreter /dev/fd/3 3<<'END'`.
 */
function scriptHeredoc(source: string, start: number): Edit[] {
  const pattern = /RUN(?:[ \t]+--\S+)*[ \t]+(<<(-?)(["']?)(\w+)\3[ \t]*)\r?\n[ \t]*#![ \t]*(\S[^\r\n]*)/iy;
  pattern.lastIndex = start;
  const match = pattern.exec(source);
  if (!match) return [];
  const [whole, marker, dash, , name, interpreter] = match;
  const place = start + whole.indexOf(marker!);
  const text = `${interpreter!.trimEnd()} /dev/fd/3 3<<${dash}'${name}'`;
  return [{ start: place, end: place + marker!.length, text }];
}

/** A build has no secrets to give (spec: image-build 1 knows no member for them), so only optional ones are there. */
function refuseMount(flag: Flag, line: number): void {
  const options = (flag.getValue() ?? '').split(',');
  const type = options.find((option) => option.startsWith('type='))?.slice('type='.length) ?? 'bind';
  if (type === 'ssh') {
    throw new DockerfileRefused(line, 'RUN --mount=type=ssh is not supported; builds have no SSH agent');
  }
  const required = options.some((option) => /^required(=true)?$/.test(option));
  if (type === 'secret' && required) {
    const id = options.find((option) => option.startsWith('id='))?.slice('id='.length);
    throw new DockerfileRefused(line, `there is no secret ${JSON.stringify(id ?? '')}; builds have none`);
  }
}

/** BuildKit clones what looks so; the sandbox has no git. */
function refuseGit(instruction: Instruction, line: number): void {
  const sources = instruction.getArguments().map((argument) => argument.getValue());
  const git = sources.find((source) => /^(git@|git:\/\/|ssh:\/\/)|^https?:\/\/.*\.git(#.*)?$/.test(source));
  if (git === undefined) return;
  const instead = 'install git and clone it in a RUN step, or put its files into the artifact';
  throw new DockerfileRefused(line, `ADD of a Git repository is not supported; ${instead}`);
}

function flagsOf(instruction: Instruction): Flag[] {
  const withFlags = instruction as Instruction & { getFlags?: () => Flag[] };
  return withFlags.getFlags?.() ?? [];
}

const flagText = (flag: Flag) => `--${flag.getName()}=${flag.getValue() ?? ''}`;

function lineOffsets(text: string): number[] {
  const offsets = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1))
    offsets.push(index + 1);
  return offsets;
}

function applyEdits(text: string, edits: Edit[]): string {
  let result = text;
  for (const { start, end, text: replacement } of edits.sort((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + replacement + result.slice(end);
  }
  return result;
}
