import type { TransitionKind, TransitionRow } from '../../store/transitions.ts';
import { versionName } from '../arns.ts';

/** A change of state in the form of Amazon EventBridge. */
export interface StateChangeEvent {
  version: '0';
  /** Decimal; grows with every event of this squib. */
  id: string;
  'detail-type': string;
  source: 'squib';
  account: string;
  /** ISO 8601. */
  time: string;
  region: string;
  /** ARN of the image or connector; for a version, a build or a MicroVM that of its image. */
  resources: string[];
  detail: StateChangeDetail;
}

export interface StateChangeDetail {
  microvmId?: string | undefined;
  imageArn?: string | undefined;
  imageVersion?: string | undefined;
  buildId?: string | undefined;
  connectorArn?: string | undefined;
  connectorId?: string | undefined;
  state: string;
  /** Absent where something began to be. */
  previousState?: string | undefined;
  /** ACTIVE or INACTIVE; of image versions only. */
  status?: string | undefined;
  previousStatus?: string | undefined;
  /** Why, in a sentence. */
  reason: string;
}

const types: Record<TransitionKind, string> = {
  image: 'MicroVM Image State Change',
  version: 'MicroVM Image Version State Change',
  build: 'MicroVM Image Build State Change',
  microvm: 'MicroVM State Change',
  connector: 'Network Connector State Change',
};

export function toEvent(row: TransitionRow): StateChangeEvent {
  const { seq, kind, account, region, resource, at } = row;
  return {
    version: '0',
    id: String(seq),
    'detail-type': types[kind],
    source: 'squib',
    account: account ?? '',
    time: new Date(at).toISOString(),
    region: region ?? '',
    resources: resource === null ? [] : [resource],
    detail: { ...subject(row), ...states(row), reason: row.reason },
  };
}

function subject({ kind, subject: id, resource, number }: TransitionRow): Partial<StateChangeDetail> {
  const arn = resource ?? undefined;
  if (kind === 'connector') return { connectorId: id, connectorArn: arn };
  return {
    ...(kind === 'microvm' && { microvmId: id }),
    ...(kind === 'build' && { buildId: id }),
    imageArn: arn,
    ...(number !== null && { imageVersion: versionName(number) }),
  };
}

/** A version has a state and a status, which its history keeps as `STATE/STATUS`. */
function states({
  fromState,
  toState,
}: TransitionRow): Pick<StateChangeDetail, 'state'> & Partial<StateChangeDetail> {
  const [state = '', status] = toState.split('/');
  const [previousState, previousStatus] = fromState?.split('/') ?? [];
  return { state, previousState, status, previousStatus };
}
