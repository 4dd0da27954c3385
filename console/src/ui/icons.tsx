import type { ReactNode } from 'react';

const paths = {
  overview: <path d="M3 13h6V3H3zm0 4h6v-2H3zm8 0h6V7h-6zm0-14v2h6V3z" />,
  microvms: <path d="M4 4h12v8H4zM2 15h16M7 12v3m6-3v3" />,
  images: <path d="m10 2 7 4v8l-7 4-7-4V6zm0 8 7-4m-7 4v8m0-8L3 6" />,
  connectors: <path d="M6 3v5m8-5v5M4 8h12v2a6 6 0 0 1-12 0zm6 8v2" />,
  roles: <path d="M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-7 8c0-3.5 3-6 7-6s7 2.5 7 6" />,
  credentials: <path d="M7 13a4 4 0 1 1 3.8-5H18v3h-2v2h-3v-2h-2.2A4 4 0 0 1 7 13zm0-4h.01" />,
  audit: <path d="M5 2h7l4 4v12H5zm7 0v4h4M8 10h5m-5 3h5" />,
  settings: (
    <path d="M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm0-11v2m0 12v2M2 10h2m12 0h2M4.3 4.3l1.5 1.5m8.4 8.4 1.5 1.5m0-11.4-1.5 1.5m-8.4 8.4-1.5 1.5" />
  ),
  copy: <path d="M7 7V3h10v10h-4M3 7h10v10H3z" />,
  check: <path d="m4 10.5 4 4 8-9" />,
  close: <path d="m5 5 10 10M15 5 5 15" />,
  plus: <path d="M10 4v12M4 10h12" />,
  menu: <path d="M3 5h14M3 10h14M3 15h14" />,
  terminal: <path d="M2 3h16v14H2zm3 4 3 3-3 3m5 0h5" />,
  open: <path d="M8 4H4v12h12v-4m-5-8h5v5m0-5-7 7" />,
  warning: <path d="M10 3 2 17h16zm0 5v4m0 2.5v.01" />,
  sun: (
    <path d="M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 1.5v2m0 13v2M1.5 10h2m13 0h2M4 4l1.4 1.4m9.2 9.2L16 16M16 4l-1.4 1.4M5.4 14.6 4 16" />
  ),
  moon: <path d="M16.5 12.5A7 7 0 0 1 7.5 3.5a7 7 0 1 0 9 9z" />,
  system: <path d="M2 4h16v10H2zm5 13h6m-3-3v3" />,
  signOut: <path d="M8 3H3v14h5m4-11 4 4-4 4m4-4H8" />,
  search: <path d="M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12zm4.5-1.5L18 18" />,
  upload: <path d="M10 13V3m-4 4 4-4 4 4M3 13v4h14v-4" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof paths;

/** Decoration only: what it means is said beside it or by the button around it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {paths[name]}
    </svg>
  );
}
