import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import { cache } from '@/api/cache';
import { onSessionProblem } from '@/api/http';
import App from '@/app/App.vue';
import { install } from '@/app/installed';
import { chosenLanguage, useLanguage } from '@/app/i18n';
import { router } from '@/app/router';
import { hurryFindings, waitingFindings } from '@/features/findings/queries';
import { hurryOverview } from '@/features/overview/queries';
import { forgetSession, loadSession, session } from '@/features/session/session';
import '@/app/base.css';

onSessionProblem((problem) => {
  // The session ended while a page was open: come back to it after signing in again.
  if (problem.code !== 'unauthenticated' || session.value === null) return;
  const next = router.currentRoute.value.fullPath;
  forgetSession();
  void router.push({ name: 'sign-in', query: next === '/' ? {} : { next } });
});

/** Within this time after its files the first page has what it shows, ms. */
const SETTLED_MS = 2000;

/** The files of the first page, the session and what the start page shows come side by side, not one after the other. */
function hurry(): void {
  const nobodyListensYet = (): void => undefined;
  void loadSession().catch(nobodyListensYet);
  const first = router.resolve(window.location.pathname + window.location.search);
  if (first.name === 'overview') {
    const area = typeof first.query['area'] === 'string' ? first.query['area'] : '';
    void hurryOverview(area).catch(nobodyListensYet);
    void hurryFindings(waitingFindings(area)).catch(nobodyListensYet);
  }
  for (const { components } of first.matched) {
    const page = components?.['default'];
    if (typeof page === 'function') void (page as () => Promise<unknown>)().catch(nobodyListensYet);
  }
}

async function start(): Promise<void> {
  hurry();
  await useLanguage(chosenLanguage() ?? 'zh-CN', false);
  // Two short pieces of work: a finger is answered in between.
  await new Promise((next) => setTimeout(next));
  createApp(App).use(VueQueryPlugin, { queryClient: cache }).use(router).mount('#app');
}

void start();
// The worker fetches the application once more for itself: not while the first page still wants the line.
window.addEventListener('load', () => setTimeout(() => void install(), SETTLED_MS), { once: true });
