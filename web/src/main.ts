import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import { cache } from '@/api/cache';
import { onSessionProblem } from '@/api/http';
import App from '@/app/App.vue';
import { install } from '@/app/installed';
import { chosenLanguage, i18n, useLanguage } from '@/app/i18n';
import { router } from '@/app/router';
import { forgetSession, loadSession, session } from '@/features/session/session';
import '@/app/base.css';

onSessionProblem((problem) => {
  // The session ended while a page was open: come back to it after signing in again.
  if (problem.code !== 'unauthenticated' || session.value === null) return;
  const next = router.currentRoute.value.fullPath;
  forgetSession();
  void router.push({ name: 'sign-in', query: next === '/' ? {} : { next } });
});

/** The files of the first page and the session come side by side, not one after the other. */
function hurry(): void {
  const nobodyListensYet = (): void => undefined;
  void loadSession().catch(nobodyListensYet);
  for (const { components } of router.resolve(window.location.pathname).matched) {
    const page = components?.['default'];
    if (typeof page === 'function') void (page as () => Promise<unknown>)().catch(nobodyListensYet);
  }
}

async function start(): Promise<void> {
  hurry();
  await useLanguage(chosenLanguage() ?? 'zh-CN', false);
  createApp(App).use(i18n).use(VueQueryPlugin, { queryClient: cache }).use(router).mount('#app');
}

void start();
void install();
