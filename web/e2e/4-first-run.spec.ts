/** A server that nobody has used yet: its first page makes the first administrator; then the door locks on guessing. */

import { expect, test } from '@playwright/test';
import { axe, PASSWORD } from './city';
import { Server } from './server';

test('an empty server makes its first administrator, and locks out who guesses', async ({ page }) => {
  const server = await Server.start('serve');
  try {
    expect(server.setupCode).not.toBe('');
    await page.goto(`${server.url}/`);
    await expect(page).toHaveURL(/\/first-run/);
    expect(await axe(page)).toEqual([]);

    await page.getByLabel('初始化码').fill('wrong-code');
    await page.getByLabel('单位名称').fill('株洲市智慧用电监控中心');
    await page.getByLabel('姓名').fill('张晓');
    await page.getByLabel('登录账号').fill('zhangxiao');
    const passwords = page.locator('input[type="password"]');
    await passwords.nth(0).fill(PASSWORD);
    await passwords.nth(1).fill(PASSWORD);
    await page.locator('button[type="submit"]').click();
    await expect(page.getByText('不正确')).toBeVisible();
    await expect(page.getByLabel('单位名称')).toHaveValue('株洲市智慧用电监控中心');

    await page.getByLabel('初始化码').fill(server.setupCode);
    await page.locator('button[type="submit"]').click();
    await expect(page.getByRole('heading', { level: 1, name: '总览' })).toBeVisible();
    await expect(page.getByText('还没有站点').first()).toBeVisible();
    await page.goto(`${server.url}/pending`);
    await expect(page.getByText('没有等待接入的设备')).toBeVisible();

    // The door is shut behind the first one.
    await page.context().clearCookies();
    await page.goto(`${server.url}/first-run`);
    await expect(page).toHaveURL(/\/sign-in/);
    expect(await axe(page)).toEqual([]);
    await page.getByLabel('账号').fill('zhangxiao');
    const locked = page.getByText('账号已暂时锁定');
    for (let guess = 0; guess < 12 && !(await locked.isVisible()); guess += 1) {
      await page.locator('input[name="password"]').fill(`guess-number-${guess}`);
      const answered = page.waitForResponse((response) => response.url().endsWith('/session') && response.request().method() === 'POST');
      await page.locator('button[type="submit"]').click();
      if ((await answered).status() === 429) break;
    }
    await expect(locked).toBeVisible();
    await expect(page.locator('button[type="submit"]')).toBeDisabled();
  } finally {
    await server.stop();
  }
});
