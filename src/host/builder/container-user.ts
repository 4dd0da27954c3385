import type { ContainerUser } from './container-config.ts';

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

/**
 * Resolves the `USER` of an image (`name`, `uid`, `name:group`, `uid:gid`, …) as container runtimes do: names must be in
 * the image's files, numbers need not; supplementary groups only when no group was given.
 *
 * @throws Error naming what the image lacks
 */
export function resolveUser(user: string, passwdFile: string, groupFile: string): ContainerUser {
  const accounts = readPasswd(passwdFile);
  const groups = readGroups(groupFile);
  const colon = user.indexOf(':');
  const wanted = (colon < 0 ? user : user.slice(0, colon)) || '0';
  const wantedGroup = colon < 0 ? '' : user.slice(colon + 1);

  const number = id(wanted);
  const account = accounts.find(({ name }) => name === wanted) ?? accounts.find(({ uid }) => uid === number);
  if (!account && number === undefined) {
    throw new Error(`unable to find user ${wanted}: no matching entries in the image's /etc/passwd`);
  }
  const uid = account?.uid ?? number!;
  const home = account?.home || '/';
  if (wantedGroup !== '') {
    const gid = groups.find(({ name }) => name === wantedGroup)?.gid ?? id(wantedGroup);
    if (gid === undefined) {
      throw new Error(`unable to find group ${wantedGroup}: no matching entries in the image's /etc/group`);
    }
    return { uid, gid, groups: [], home };
  }
  const gid = account?.gid ?? 0;
  const member = account ? groups.filter(({ members }) => members.includes(account.name)) : [];
  return { uid, gid, groups: [...new Set(member.map((group) => group.gid))].filter((g) => g !== gid), home };
}

function readPasswd(file: string): Account[] {
  return lines(file).flatMap(([name, , uid, gid, , home]) => {
    const numbers = [id(uid), id(gid)] as const;
    return name && numbers[0] !== undefined && numbers[1] !== undefined
      ? [{ name, uid: numbers[0], gid: numbers[1], home: home?.startsWith('/') ? home : '/' }]
      : [];
  });
}

function readGroups(file: string): Group[] {
  return lines(file).flatMap(([name, , number, members]) => {
    const gid = id(number);
    return name && gid !== undefined
      ? [{ name, gid, members: (members ?? '').split(',').filter(Boolean) }]
      : [];
  });
}

const lines = (file: string): string[][] => file.split('\n').map((line) => line.trimEnd().split(':'));

/** A uid or gid, 0 to 2³¹−1; undefined for anything else. */
function id(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,10}$/.test(value)) return undefined;
  const number = Number(value);
  return number < 2 ** 31 ? number : undefined;
}
