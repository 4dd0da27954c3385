import { networkInterfaces } from 'node:os';

/** Addresses to listen on for a configured host: the default, `127.0.0.1`, means the whole loopback interface. */
export function listenAddresses(host: string): string[] {
  if (host !== '127.0.0.1') return [host];
  // `*.localhost` resolves to ::1 first on many machines; some have no IPv6 at all.
  const sixth = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );
  return sixth ? [host, '::1'] : [host];
}
