type Tone = 'good' | 'busy' | 'calm' | 'bad' | 'off';

const tones: Record<string, Tone> = {
  ...{
    RUNNING: 'good',
    CREATED: 'good',
    UPDATED: 'good',
    SUCCESSFUL: 'good',
    ACTIVE: 'good',
    Successful: 'good',
  },
  ...{ PENDING: 'busy', CREATING: 'busy', UPDATING: 'busy', IN_PROGRESS: 'busy', InProgress: 'busy' },
  ...{ SUSPENDING: 'busy', RESUMING: 'busy', TERMINATING: 'busy', DELETING: 'busy' },
  ...{ SUSPENDED: 'calm' },
  ...{ FAILED: 'bad', CREATE_FAILED: 'bad', UPDATE_FAILED: 'bad', DELETE_FAILED: 'bad', Failed: 'bad' },
};

/** A state in AWS's word, with a dot of its colour. */
export function State({ value }: { value: string }) {
  return <span className={`state ${tones[value] ?? 'off'}`}>{value.replaceAll('_', ' ').toLowerCase()}</span>;
}

/** On its way from one state to another, so that it is worth looking again soon. */
export const isBusy = (state: string): boolean => tones[state] === 'busy';
export const isBad = (state: string): boolean => tones[state] === 'bad';
