import { type ReactNode, use, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { arnName } from './lib/format.ts';
import { chooseTheme, chosenTheme, type Theme } from './lib/theme.ts';
import { LiveContext } from './live-context.ts';
import { useSession } from './session-context.ts';
import { Icon, type IconName } from './ui/icons.tsx';

const places: { path: string; name: string; icon: IconName }[] = [
  { path: '/', name: 'Overview', icon: 'overview' },
  { path: '/microvms', name: 'MicroVMs', icon: 'microvms' },
  { path: '/images', name: 'Images', icon: 'images' },
  { path: '/connectors', name: 'Connectors', icon: 'connectors' },
  { path: '/roles', name: 'Roles', icon: 'roles' },
  { path: '/credentials', name: 'Credentials', icon: 'credentials' },
  { path: '/audit', name: 'Audit', icon: 'audit' },
  { path: '/settings', name: 'Settings', icon: 'settings' },
];

/** What stands around every page: where one can go, who one is, light or dark. */
export function Frame({ onSignOut, children }: { onSignOut: () => void; children: ReactNode }) {
  const [location] = useLocation();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when one has gone somewhere
  useEffect(() => setOpen(false), [location]);
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to contents
      </a>
      <aside className={open ? 'side open' : 'side'}>
        <div className="brand">
          <span className="logo" aria-hidden="true" />
          <span>squib</span>
          <button
            type="button"
            className="icon-button menu"
            aria-expanded={open}
            aria-label="Menu"
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? 'close' : 'menu'} />
          </button>
        </div>
        <nav aria-label="Console">
          {places.map(({ path, name, icon }) => (
            <Link key={path} href={path} aria-current={isAt(location, path) ? 'page' : undefined}>
              <Icon name={icon} />
              {name}
            </Link>
          ))}
        </nav>
        <Account onSignOut={onSignOut} />
      </aside>
      {children}
    </div>
  );
}

const isAt = (location: string, path: string) =>
  path === '/' ? location === '/' : location === path || location.startsWith(`${path}/`);

function Account({ onSignOut }: { onSignOut: () => void }) {
  const { arn, region, accountId } = useSession();
  const live = use(LiveContext);
  return (
    <div className="account">
      <div className="account-head">
        <span
          className={live ? 'state good' : 'state busy'}
          title={live ? 'Changes appear as they happen' : 'Changes are looked for every 3 s'}
        >
          {live ? 'Live' : 'Not live'}
        </span>
        <ThemeSwitch />
      </div>
      <p className="who" title={arn}>
        <strong>{arnName(arn)}</strong>
        <span>
          {region} · {accountId}
        </span>
      </p>
      <button
        type="button"
        className="icon-button"
        aria-label="Sign out"
        title="Sign out"
        onClick={onSignOut}
      >
        <Icon name="signOut" />
      </button>
    </div>
  );
}

const themes: { theme: Theme; name: string; icon: IconName }[] = [
  { theme: 'system', name: 'As the system', icon: 'system' },
  { theme: 'light', name: 'Light', icon: 'sun' },
  { theme: 'dark', name: 'Dark', icon: 'moon' },
];

function ThemeSwitch() {
  const [chosen, setChosen] = useState(chosenTheme());
  return (
    <fieldset className="theme">
      <legend className="off-screen">Colours</legend>
      {themes.map(({ theme, name, icon }) => (
        <button
          key={theme}
          type="button"
          className="icon-button"
          aria-label={name}
          title={name}
          aria-pressed={chosen === theme}
          onClick={() => {
            chooseTheme(theme);
            setChosen(theme);
          }}
        >
          <Icon name={icon} />
        </button>
      ))}
    </fieldset>
  );
}
