import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { csrfToken } from '../../api/session.ts';
import { styleByObjects } from '../../lib/strict-styles.ts';

type Phase = 'connecting' | 'open' | 'closed';

const words: Record<Phase, string> = { connecting: 'Connecting …', open: 'Connected', closed: 'Closed' };

/** A shell in the MicroVM, in the page. */
export function Shell({ microvmId, endpoint }: { microvmId: string; endpoint: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [phase, setPhase] = useState<Phase>('connecting');
  const [why, setWhy] = useState('');
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another connection
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    setPhase('connecting');
    setWhy('');
    const terminal = openTerminal(element);
    const stop = new AbortController();
    connect(terminal.terminal, microvmId, endpoint, stop.signal, (next, reason = '') => {
      setPhase(next);
      setWhy(reason);
    });
    return () => {
      stop.abort();
      terminal.close();
    };
  }, [microvmId, endpoint, attempt]);
  return (
    <section className="panel shell" aria-label="Terminal">
      <div className="shell-head">
        <span role="status">
          {words[phase]}
          {why !== '' && `: ${why}`}
        </span>
        {phase === 'closed' ? (
          <button type="button" className="button small" onClick={() => setAttempt(attempt + 1)}>
            Connect again
          </button>
        ) : (
          <span className="muted">Esc, then Tab leaves the terminal</span>
        )}
      </div>
      <div className="shell-box" ref={box} />
    </section>
  );
}

function openTerminal(element: HTMLElement): { terminal: Terminal; close(): void } {
  const freeStyles = styleByObjects();
  const terminal = new Terminal({
    fontFamily: getComputedStyle(element).fontFamily,
    fontSize: 13,
    cursorBlink: true,
    scrollback: 5000,
    screenReaderMode: true,
    theme: {
      background: '#141413',
      foreground: '#ececea',
      cursor: '#ff9a5c',
      selectionBackground: '#ffffff40',
    },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  fit.fit();
  terminal.focus();
  leaveByKeyboard(terminal);
  const resized = new ResizeObserver(() => fit.fit());
  resized.observe(element);
  return {
    terminal,
    close() {
      resized.disconnect();
      terminal.dispose();
      freeStyles();
    },
  };
}

/** The shell takes Tab; after Escape the next one goes to the page, or a keyboard could never leave. */
function leaveByKeyboard(terminal: Terminal): void {
  let escaped = false;
  terminal.attachCustomKeyEventHandler(({ type, key }) => {
    if (type !== 'keydown') return true;
    if (escaped && key === 'Tab') {
      escaped = false;
      return false;
    }
    escaped = key === 'Escape' || (escaped && key === 'Shift');
    return true;
  });
}

async function connect(
  terminal: Terminal,
  microvmId: string,
  endpoint: string,
  signal: AbortSignal,
  tell: (phase: Phase, reason?: string) => void,
): Promise<void> {
  let token: string;
  try {
    const made = await call('CreateMicrovmShellAuthToken', {
      microvmIdentifier: microvmId,
      expirationInMinutes: 5,
    });
    token = made.authToken['X-aws-proxy-auth'] ?? '';
  } catch (error) {
    if (!signal.aborted) tell('closed', error instanceof ApiError ? error.message : String(error));
    return;
  }
  if (signal.aborted) return;
  const { host, protocol } = location;
  const address = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/console/shell/${endpoint}`;
  const socket = new WebSocket(address, [
    'lambda-microvms',
    `lambda-microvms.authentication.${token}`,
    `squib-console.${csrfToken()}`,
  ]);
  socket.binaryType = 'arraybuffer';
  signal.addEventListener('abort', () => socket.close());
  const resize = () => {
    const { cols, rows } = terminal;
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'resize', cols, rows }));
  };
  terminal.onResize(resize);
  const bytes = new TextEncoder();
  terminal.onData((text) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes.encode(text));
  });
  terminal.onBinary((text) => {
    if (socket.readyState === WebSocket.OPEN)
      socket.send(Uint8Array.from(text, (each) => each.charCodeAt(0)));
  });
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof data !== 'string') terminal.write(new Uint8Array(data));
    else if (data.includes('session_init')) {
      tell('open');
      resize();
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (signal.aborted) return;
    terminal.write('\r\n');
    terminal.options.disableStdin = true;
    terminal.options.cursorBlink = false;
    tell('closed', code === 1000 ? reason : 'the MicroVM was suspended, ended, or could not be reached');
  };
}
