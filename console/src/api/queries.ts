import { useMutation, useQuery } from '@tanstack/react-query';
import { use } from 'react';
import type { StateChangeEvent } from '../../../src/control/events/event.ts';
import { LiveContext } from '../live-context.ts';
import { useAnnounce } from '../ui/announcements.tsx';
import { isBusy } from '../ui/state.tsx';
import { call, type Output } from './call.ts';
import type { Session } from './session.ts';

/** Asking again by itself, in milliseconds: seldom while changes are told, often when they are not. */
const CALM_MS = 30_000;
const OFTEN_MS = 3000;

export function useInterval(): number {
  return use(LiveContext) ? CALM_MS : OFTEN_MS;
}

export type MicrovmDetail = Output<'ListMicrovmDetails'>['items'][number];

/** How many of the MicroVMs that have ended are shown. */
export const SHOWN_ENDED = 200;

export function useMicrovms() {
  return useQuery({
    queryKey: ['microvms'],
    queryFn: async ({ signal }) => (await call('ListMicrovmDetails', { ended: SHOWN_ENDED }, signal)).items,
    refetchInterval: useInterval(),
  });
}

export function useMicrovm(microvmIdentifier: string) {
  const interval = useInterval();
  return useQuery({
    queryKey: ['microvm', microvmIdentifier],
    queryFn: ({ signal }) => call('GetMicrovm', { microvmIdentifier }, signal),
    refetchInterval: ({ state }) => (isBusy(state.data?.state ?? '') ? 1000 : interval),
  });
}

/** Everything that happened to a MicroVM or an image, oldest first. */
export function useHistory(resource: string) {
  return useQuery({
    queryKey: ['history', resource],
    queryFn: async ({ signal }) => {
      const all: StateChangeEvent[] = [];
      let nextToken: string | undefined;
      do {
        const input = nextToken === undefined ? { resource } : { resource, nextToken };
        const page = await call('ListEvents', input, signal);
        all.push(...(page.items as StateChangeEvent[]));
        nextToken = page.nextToken;
      } while (nextToken !== undefined && all.length < 500);
      return all.sort((a, b) => Number(a.id) - Number(b.id));
    },
    refetchInterval: useInterval(),
  });
}

export function useHost() {
  return useQuery({
    queryKey: ['host'],
    queryFn: ({ signal }) => call('DescribeHost', {}, signal),
    refetchInterval: 5000,
  });
}

export type ImageSummary = Output<'ListMicrovmImages'>['items'][number];

export function useImages() {
  return useQuery({
    queryKey: ['images'],
    queryFn: async ({ signal }) => {
      const all: ImageSummary[] = [];
      let nextToken: string | undefined;
      do {
        const page = await call('ListMicrovmImages', nextToken === undefined ? {} : { nextToken }, signal);
        all.push(...page.items);
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return all;
    },
    refetchInterval: useInterval(),
  });
}

export function useImage(imageIdentifier: string) {
  return useQuery({
    queryKey: ['image', imageIdentifier],
    queryFn: ({ signal }) => call('GetMicrovmImage', { imageIdentifier }, signal),
    refetchInterval: useInterval(),
  });
}

export type VersionSummary = Output<'ListMicrovmImageVersions'>['items'][number];

export function useVersions(imageIdentifier: string, enabled = true) {
  return useQuery({
    queryKey: ['image', imageIdentifier, 'versions'],
    enabled,
    queryFn: async ({ signal }) => {
      const all: VersionSummary[] = [];
      let nextToken: string | undefined;
      do {
        const input = { imageIdentifier, ...(nextToken !== undefined && { nextToken }) };
        const page = await call('ListMicrovmImageVersions', input, signal);
        all.push(...page.items);
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return all;
    },
    refetchInterval: useInterval(),
  });
}

/** Builds of a version with the sizes of their snapshots, newest first. */
export function useBuilds(imageIdentifier: string, imageVersion: string) {
  return useQuery({
    queryKey: ['image', imageIdentifier, 'builds', imageVersion],
    queryFn: async ({ signal }) => {
      const version = { imageIdentifier, imageVersion };
      const { items } = await call('ListMicrovmImageBuilds', version, signal);
      return Promise.all(
        items.map(({ buildId }) => call('GetMicrovmImageBuild', { ...version, buildId }, signal)),
      );
    },
    refetchInterval: useInterval(),
  });
}

export function useConnectors() {
  return useQuery({
    queryKey: ['connectors'],
    queryFn: async ({ signal }) => (await call('ListNetworkConnectors', {}, signal)).NetworkConnectors,
    refetchInterval: useInterval(),
  });
}

/**
 * An action of the user: what becomes of it is announced, a failure with its reason.
 * @param options.inForm a failure is shown where it was asked for
 */
export function useAction<Input, Result>(
  run: (input: Input) => Promise<Result>,
  done: (result: Result, input: Input) => string | undefined,
  { inForm = false } = {},
) {
  const announce = useAnnounce();
  return useMutation({
    mutationFn: run,
    onSuccess: (result, input) => {
      const text = done(result, input);
      if (text !== undefined) announce(text);
    },
    onError: (error) => {
      if (!inForm) announce(error.message, { bad: true });
    },
  });
}

/** ARN of an image of this account by its name. */
export function imageArnOf({ arn, region, accountId }: Session, name: string): string {
  return `arn:${arn.split(':')[1]}:lambda:${region}:${accountId}:microvm-image:${name}`;
}

export const managedConnector = ({ arn, region }: Session, name: string): string =>
  `arn:${arn.split(':')[1]}:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
