/** Where no traffic of a tenant goes, whatever is configured: this host, link-local (metadata services), multicast, reserved. */
export const neverReached = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'];

/** Private, shared and special networks: only a connector with rules for them leads there. */
export const privateNetworks = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
];
