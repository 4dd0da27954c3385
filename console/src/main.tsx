import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/api-error.ts';
import { App } from './app.tsx';
import { showTheme } from './lib/theme.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';

showTheme();

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      // What squib refused stays refused; what did not reach it is tried again by the next look.
      retry: (count, error) => !(error instanceof ApiError) && count < 2,
    },
  },
});

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}
