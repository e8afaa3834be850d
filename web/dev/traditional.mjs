// Drafts src/words/zh-TW/<feature>.ts from zh-CN with OpenCC (Taiwan phrases), to be read and mended by a person.
// usage: node dev/traditional.mjs common alarms ...
import { readFileSync, writeFileSync } from 'node:fs';
import { Converter } from 'opencc-js';

const phrases = Converter({ from: 'cn', to: 'twp' });
// Words of the trade and of interfaces where the general dictionary is wrong or too local.
const trade = [
  ['報警', '警報'], ['告警', '警報'], ['過負荷', '過負載'], ['賬號', '帳號'], ['賬戶', '帳戶'],
  ['登錄', '登入'], ['退出登入', '登出'], ['站點', '場所'], ['缺省', '預設'], ['默認', '預設'], ['複位', '復位'], ['運維電工', '維護電工'],
  ['實時', '即時'], ['備註', '備註'], ['顯示的列', '顯示的欄位'], ['保存', '儲存'], ['存儲', '儲存'], ['搜索', '搜尋'], ['撤銷', '復原'], ['導出', '匯出'],
  ['許可權', '權限'], ['演示資料', '示範資料'], ['連線不上伺服器', '無法連線到伺服器'], ['主電丟失', '主電源中斷'], ['復原確認', '撤回確認'], ['主導航', '主導覽'], ['共 {n} 條', '共 {n} 筆'], ['重復', '重複'], ['型別', '類型'], ['服務熱線 95598', '公司'], ['“', '「'], ['”', '」'],
  ['硬盤', '硬碟'], ['磁盤', '磁碟'], ['當前', '目前'], ['閾值', '門檻值'], ['在線', '上線'],
];
for (const feature of process.argv.slice(2)) {
  let text = phrases(readFileSync(`src/words/zh-CN/${feature}.ts`, 'utf8'));
  for (const [from, to] of trade) text = text.replaceAll(from, to);
  writeFileSync(`src/words/zh-TW/${feature}.ts`, text);
}
