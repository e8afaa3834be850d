/** Who is signed in and what they may do. One session per tab, loaded before the first page is drawn. */

import { computed, shallowRef } from 'vue';
import { cache } from '@/api/cache';
import { http, setCsrfToken } from '@/api/http';
import { asProblem } from '@/api/problem';
import type { components } from '@/api/schema';
import type { Language, Permission, Session } from '@/api/types';
import { chosenLanguage, useLanguage } from '@/app/i18n';
import { forgetLastKnown } from '@/app/installed';
import { serverSaid } from '@/kit/clock';

const current = shallowRef<Session | null>(null);
let known = false;

export const session = computed(() => current.value);
/** The zone that the server keeps for sites which name none. */
export const serverZone = computed(() => current.value?.server.zone ?? 'Asia/Shanghai');

export function can(permission: Permission): boolean {
  return current.value?.permissions.includes(permission) ?? false;
}

async function take(next: Session | null): Promise<void> {
  current.value = next;
  known = true;
  setCsrfToken(next?.csrf_token ?? null);
  if (next === null) return;
  serverSaid(next.server.now);
  if (chosenLanguage() === null) await useLanguage(next.user.language, false);
}

let asking: Promise<Session | null> | null = null;

/** The session, asked of the server once; null when nobody is signed in. */
export function loadSession(): Promise<Session | null> {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask(): Promise<Session | null> {
  if (known) return current.value;
  try {
    await take(await http.get('/session'));
  } catch (error) {
    if (asProblem(error).status !== 401) throw error;
    await forgetLastKnown();
    await take(null);
  }
  return current.value;
}

export async function signIn(login: string, password: string): Promise<Session> {
  await forgetLastKnown();
  const next = await http.post('/session', { login, password });
  cache.clear();
  await take(next);
  return next;
}

export async function signOut(): Promise<void> {
  try {
    await http.delete('/session');
  } finally {
    forgetSession();
  }
}

/** The server no longer knows us: everything it told us goes too. */
export function forgetSession(): void {
  current.value = null;
  known = true;
  setCsrfToken(null);
  cache.clear();
  void forgetLastKnown();
}

export interface FirstRun {
  organisation_name: string;
  login: string;
  name: string;
  password: string;
  language: Language;
  setup_code: string;
}

export const setupNeeded = async (): Promise<boolean> => (await http.get('/setup')).needed;

export async function firstRun(form: FirstRun): Promise<Session> {
  const next = await http.post('/setup', form);
  await take(next);
  return next;
}

export async function changePassword(oldPassword: string, newPassword: string): Promise<void> {
  await http.post('/session/password', { old_password: oldPassword, new_password: newPassword });
  // A new password ends the old session's rights; ask again what holds now.
  known = false;
  await loadSession();
}

/** Remembers the language with the account, so that it follows the person to the next device. */
export async function chooseLanguage(language: Language): Promise<void> {
  await useLanguage(language);
  if (current.value !== null) await take(await http.patch('/session/profile', { language }));
}

/** A secret for one-time codes; they count from the first right one on. */
export const beginCodes = (password: string): Promise<components['schemas']['OneTimeCodeSecret']> => http.post('/session/one-time-codes', { password });

export async function confirmCodes(code: string): Promise<void> {
  await take(await http.post('/session/one-time-codes/confirm', { one_time_code: code }));
}

export async function removeCodes(password: string): Promise<void> {
  await take(await http.post('/session/one-time-codes/remove', { password }));
}

export async function rename(name: string): Promise<void> {
  await take(await http.patch('/session/profile', { name }));
}
