/** Calls, who was sent, and the shift that is handed over with them; two operators at the same alarm. */

import { axe, expect, read, settled, test } from './city';
import { Colleague } from './colleague';

interface Row {
  id: number;
  site_id: number;
  site_name: string;
}

test('calls and dispatches stand in the alarm’s record, live for a colleague, and go into the hand-over', async ({ at, browser }, info) => {
  const page = await at('/');
  await expect.poll(async () => (await read<{ items: Row[] }>(page, '/alarms?state=open&aside=none&limit=1')).items.length, { timeout: 60_000 }).toBe(1);
  const alarm = (await read<{ items: Row[] }>(page, '/alarms?state=open&aside=none&limit=1')).items[0];
  if (alarm === undefined) throw new Error('no alarm is open');
  const name = `接班人 ${info.project.name}`;
  const colleague = await Colleague.join(page, browser, info, `shift-${info.project.name}`, name);
  await colleague.page.goto(`/alarms/${alarm.id}`);
  await page.goto(`/alarms/${alarm.id}`);
  await settled(page);

  // A call: the contact of the premises stands there already, its number can be dialled, what is missing is said.
  await page.getByRole('button', { name: '记电话' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('打给谁')).toHaveValue('contact');
  await expect(dialog.getByRole('link', { name: '拨打' })).toHaveAttribute('href', /^tel:\d+/);
  await dialog.getByLabel('说了什么').fill('已关后厨总闸');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('请填写此项')).toBeVisible();
  await expect(dialog.getByLabel('说了什么')).toHaveValue('已关后厨总闸');
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole('button', { name: '已接通' }).click();
  await dialog.getByLabel('电话').fill('not a number');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('不是有效的手机号')).toBeVisible();
  await dialog.getByLabel('电话').fill('138 0013 8000');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);
  const story = page.getByRole('region', { name: '经过' });
  await expect(story.getByText('已关后厨总闸')).toBeVisible();

  await page.getByRole('button', { name: '派人' }).click();
  await dialog.getByLabel('派谁去').selectOption('electrician');
  await dialog.getByLabel('姓名').fill('李师傅');
  await dialog.getByRole('button', { name: '派出' }).click();
  await expect(dialog).toHaveCount(0);
  const sent = page.getByRole('list', { name: '派出的人' }).getByRole('listitem').first();
  await expect(sent).toContainText('李师傅');
  await expect(sent).toContainText('在路上');

  // The colleague sees both without doing anything, and says that he is there.
  const theirs = colleague.page.getByRole('list', { name: '派出的人' }).getByRole('listitem').first();
  await expect(theirs).toContainText('在路上');
  await theirs.getByRole('button', { name: '已到达' }).click();
  await expect(sent).toContainText('已到达');
  expect(await axe(page)).toEqual([]);

  // What was entered by mistake is withdrawn and stays readable.
  await story.getByRole('button', { name: /撤回: 电话/ }).click();
  await dialog.getByLabel('为什么').fill('打错了');
  await dialog.getByRole('button', { name: '撤回' }).click();
  await expect(story.getByText('已撤回').first()).toBeVisible();
  await expect(story.getByText('已关后厨总闸').first()).toBeVisible();

  // The shift is handed over with what stands.
  await page.goto('/handovers');
  await settled(page);
  await expect(page.getByRole('region', { name: '派出未回' })).toContainText('李师傅');
  await expect(page.getByRole('region', { name: '本班记录' })).toContainText('打错了');
  expect(await axe(page)).toEqual([]);
  await page.getByLabel('接班人').selectOption({ label: name });
  await page.getByLabel('交班备注').fill('等李师傅复测');
  await page.getByRole('button', { name: '交班', exact: true }).last().click();
  await expect(page).toHaveURL(/\/handovers\/\d+$/);
  await expect(page.locator('dd strong', { hasText: '等待接班' })).toBeVisible();
  await expect(page.getByRole('button', { name: '我已看过，接班' })).toHaveCount(0);
  expect(await axe(page)).toEqual([]);

  await colleague.page.goto('/handovers');
  await colleague.page.getByRole('status').getByRole('button', { name: '查看并接班' }).click();
  await expect(colleague.page.getByText('等李师傅复测')).toBeVisible();
  await colleague.page.getByLabel('接班人备注').fill('收到');
  await colleague.page.getByRole('button', { name: '我已看过，接班' }).click();
  await expect(colleague.page.locator('dd strong', { hasText: '已接班' })).toBeVisible();
  // The outgoing operator's page hears of it.
  await expect(page.locator('dd strong', { hasText: '已接班' })).toBeVisible();
  await expect(page.getByText('收到')).toBeVisible();
  await page.goto('/handovers?tab=records');
  await settled(page);
  await expect(page.locator('[data-row]').first()).toContainText(name);
  await sentDone(colleague, alarm.id);
  await colleague.leave();
});

/** Nobody is left out on the road for the tests that follow. */
async function sentDone(colleague: Colleague, alarm: number): Promise<void> {
  await colleague.page.goto(`/alarms/${alarm}`);
  const one = colleague.page.getByRole('list', { name: '派出的人' }).getByRole('listitem').first();
  await one.getByRole('button', { name: '已处理' }).click();
  await colleague.page.getByRole('dialog').getByLabel('处理结果').fill('接线端子已紧固');
  await colleague.page.getByRole('dialog').getByRole('button', { name: '已处理' }).click();
  await expect(one).toContainText('已处理');
}
