import { type ChangeEvent, type DragEvent, useRef, useState } from 'react';
import { bytes, plural } from '../../lib/format.ts';
import { type Artifact, artifactFromDrop, artifactFromFiles, sizeOf } from '../../lib/zip.ts';
import { Icon } from '../../ui/icons.tsx';
import { ErrorNote } from '../../ui/notes.tsx';

interface DropZoneProps {
  artifact: Artifact | undefined;
  onArtifact(artifact: Artifact): void;
}

/** Takes a folder or a zip, dropped or chosen. */
export function DropZone({ artifact, onArtifact }: DropZoneProps) {
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const zip = useRef<HTMLInputElement>(null);
  const directory = useRef<HTMLInputElement>(null);
  const take = async (get: () => Artifact | Promise<Artifact>) => {
    try {
      const taken = await get();
      setProblem(undefined);
      onArtifact(taken);
    } catch (error) {
      setProblem(error);
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const { dataTransfer } = event;
    void take(() => artifactFromDrop(dataTransfer));
  };
  const choose = ({ target }: ChangeEvent<HTMLInputElement>) => {
    const { files } = target;
    if (files && files.length > 0) void take(() => artifactFromFiles(files));
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keyboards have the two buttons inside */}
      <div
        className={over ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <Icon name="upload" />
        {artifact ? (
          <p role="status">
            <strong>{artifact.name}</strong>{' '}
            <span className="muted">
              {artifact.kind === 'folder' ? `${plural(artifact.files.length, 'file')}, ` : ''}
              {bytes(sizeOf(artifact))}
            </span>
          </p>
        ) : (
          <p>Drop a folder with a Dockerfile, or a zip of one</p>
        )}
        <div className="actions">
          <button type="button" className="button small" onClick={() => directory.current?.click()}>
            Choose a folder
          </button>
          <button type="button" className="button small" onClick={() => zip.current?.click()}>
            Choose a zip
          </button>
        </div>
        <input
          ref={zip}
          type="file"
          accept=".zip,application/zip"
          hidden
          aria-label="Zip"
          onChange={choose}
        />
        <input
          ref={(element) => {
            directory.current = element;
            element?.setAttribute('webkitdirectory', '');
          }}
          type="file"
          hidden
          aria-label="Folder"
          onChange={choose}
        />
      </div>
      {problem !== undefined && <ErrorNote error={problem} />}
    </>
  );
}
