import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'

import { ApiError, ClockEstimate, Http, StreamSlots, TaskApi } from '../client'
import { DeletionsProvider } from '../hooks/deletions'
import { preferences } from '../hooks/preferences'
import { ServicesProvider } from '../hooks/services'
import { startTranslation } from '../i18n'
import { App } from './App'
import { takeToken } from './token'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/overlays.css'
import '../styles/shell.css'
import '../styles/tasks.css'
import '../styles/chat.css'
import '../styles/transcript.css'
import '../styles/markdown.css'

/** Where the server put the page, and where its API is. */
function place(name: string): string {
  const content = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? ''
  return content.replace(/\/+$/, '')
}

const clock = new ClockEstimate()
const http = new Http({ base: place('tasks-api'), clock })
const slots = new StreamSlots(() => document.visibilityState === 'visible')
const services = { api: new TaskApi(http), clock, slots }
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refused it refuses again; what did not arrive is asked for again by the next interval.
      retry: (failures, error) => failures < 1 && !(error instanceof ApiError && error.status < 500),
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})

async function start() {
  const token = takeToken()
  const root = document.getElementById('root')
  if (root === null) throw new Error('the page has no #root')
  const signedIn = token === undefined ? undefined : http.signIn(token).catch(() => false)
  await Promise.all([startTranslation(preferences().language), signedIn])
  createRoot(root).render(
    <StrictMode>
      <ServicesProvider services={services}>
        <QueryClientProvider client={queries}>
          <DeletionsProvider>
            <BrowserRouter basename={place('tasks-base') || '/'}>
              <App />
            </BrowserRouter>
          </DeletionsProvider>
        </QueryClientProvider>
      </ServicesProvider>
    </StrictMode>,
  )
}

void start()
