import { createContext } from 'react';

/** Whether changes of state arrive as they happen. */
export const LiveContext = createContext(false);
