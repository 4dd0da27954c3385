import type { Control } from '../control/control.ts';
import type { ActivityOperations } from './activity-model.ts';
import type { SquibHandlers } from './squib-model.ts';

/** The operations behind `squib activity`; authorization stands in front of them (`authorizeHandlers`). */
export function activityHandlers({
  activity,
}: Pick<Control, 'activity'>): Pick<SquibHandlers, keyof ActivityOperations> {
  return {
    async PutActivityPolicy({ resourceIdentifier, ...policy }, caller) {
      return activity.put(resourceIdentifier, policy, caller);
    },
    async GetActivityPolicy({ resourceIdentifier }, caller) {
      return activity.get(resourceIdentifier, caller);
    },
    async DeleteActivityPolicy({ resourceIdentifier }, caller) {
      activity.delete(resourceIdentifier, caller);
      return {};
    },
  };
}
