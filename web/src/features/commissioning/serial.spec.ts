import { expect, it } from 'vitest';
import { serialOf } from './serial';

it.each([
  ['20221011223344', '20221011223344'],
  ['  20221011223344\n', '20221011223344'],
  ['SN:20221011223344;MODEL:ARCM300;', '20221011223344'],
  ['MODEL=ARCM300,SN=20221011223344', '20221011223344'],
  ['型号：ARCM300\r\n序列号：20221011223344', '20221011223344'],
  ['https://iot.example.cn/d?sn=20221011223344&m=1', '20221011223344'],
  ['https://iot.example.cn/device/20221011223344', '20221011223344'],
  ['{"sn":"20221011223344","imei":"860000000000001"}', '20221011223344'],
  ['{"sn":20221011223344}', '20221011223344'],
  ['IMEI:860000000000001', '860000000000001'],
  ['tcp://192.0.2.5:502', 'tcp://192.0.2.5:502'],
])('reads %j', (code, serial) => {
  expect(serialOf(code)).toBe(serial);
});

it.each(['', 'ab', 'https://iot.example.cn/welcome', 'two words', '{"model":"x"}', '{torn', `x${'1'.repeat(100)}`])('finds no number in %j', (code) => {
  expect(serialOf(code)).toBeNull();
});
