import t from 'tap'
import {
  gatewayProblem,
  hostNameProblem,
  interfaceAddressProblem,
  ipv4Problem,
  parseSubnet,
  serverProblem,
} from '../../../agent/api/addresses.js'
import { settingProblems } from '../../../agent/api/host-settings.js'
import { renderHostFiles } from '../../../agent/nethelper/render.js'
import { settingsOf } from './settings.js'

void t.test('addresses say what is wrong with them', async t => {
  t.equal(ipv4Problem('192.0.2.10'), null)
  t.match(ipv4Problem('192.0.2.300'), '300 is more than 255')
  for (const wrong of ['', '1.2.3', '1.2.3.4.5', '1.2.3.x', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4'])
    t.type(ipv4Problem(wrong), 'string', wrong)
  for (const good of ['192.0.2.10/24', '10.0.0.0/31', '10.0.0.1/32', '172.16.255.255/12'])
    t.equal(interfaceAddressProblem(good, 4), null, good)
  t.match(interfaceAddressProblem('192.0.2.10', 4), 'prefix is missing')
  t.match(interfaceAddressProblem('192.0.2.10/33', 4), 'prefix')
  t.match(interfaceAddressProblem('192.0.2.0/24', 4), 'network itself')
  t.match(interfaceAddressProblem('192.0.2.255/24', 4), 'broadcast')
  for (const wrong of ['127.0.0.1/8', '224.0.0.5/24', '0.1.2.3/8', '255.255.255.254/4'])
    t.match(interfaceAddressProblem(wrong, 4), 'cannot be given', wrong)
  t.equal(interfaceAddressProblem('2001:db8::10/64', 6), null)
  for (const wrong of ['::1/128', 'ff02::1/64', '::/0'])
    t.type(interfaceAddressProblem(wrong, 6), 'string', wrong)
  t.match(interfaceAddressProblem('192.0.2.10/24', 6), 'IPv6')
  t.equal(parseSubnet('2001:db8::1:0/64')?.address, 0x20010db8000000000000000000010000n)
  t.equal(parseSubnet('::ffff:192.0.2.1/96')?.address, 0xffffc0000201n)
})

void t.test('a gateway has to be a neighbour', async t => {
  t.equal(gatewayProblem('192.0.2.1', '192.0.2.10/24'), null)
  t.equal(gatewayProblem('192.0.3.1', '192.0.2.10/23'), null, 'the prefix counts, not the look')
  t.match(gatewayProblem('192.0.3.1', '192.0.2.10/24'), 'not on the network')
  t.match(gatewayProblem('192.0.2.10', '192.0.2.10/24'), 'itself')
  t.equal(gatewayProblem('fe80::1', '2001:db8::10/64'), null, 'link-local is always near')
  t.match(gatewayProblem('2001:db9::1', '2001:db8::10/64'), 'not on the network')
  t.match(gatewayProblem('192.0.2.1', '2001:db8::10/64'), 'IPv6')
})

void t.test('names and servers', async t => {
  for (const good of ['oma-01', 'oma-01.example.net', 'A', '3com.example'])
    t.equal(hostNameProblem(good), null, good)
  for (const wrong of ['', '-a', 'a-', 'a..b', 'a_b', 'a b', '192.0.2.1', 'x'.repeat(64), 'é'])
    t.type(hostNameProblem(wrong), 'string', wrong)
  t.equal(serverProblem('ntp.example.net'), null)
  t.equal(serverProblem('2001:db8::1'), null)
  t.type(serverProblem('192.0.2.999'), 'string')
})

void t.test('settings that cannot work are named by their field', async t => {
  const fields = (more: Parameters<typeof settingsOf>[0]) =>
    settingProblems(settingsOf(more)).map(each => each.field)
  t.same(fields({}), [])
  t.same(fields({ ipv4: { method: 'static', address: '192.0.2.10/24', gateway: '198.51.100.1' } }), [
    'ipv4.gateway',
  ])
  t.same(fields({ ipv4: { method: 'off' } }), ['ipv4.method'])
  t.same(fields({ ipv6: { method: 'auto' }, mtu: 1279 }), ['mtu'])
  t.same(fields({ dns: ['dns.example.net'] }), ['dns'], 'a name server has to be an address')
  t.same(fields({ hostName: 'x y', ntp: ['a b'], searchDomains: ['-'] }), [
    'hostName',
    'searchDomains',
    'ntp',
  ])
})

void t.test('no text of a setting can become a line of its own', async t => {
  const evil = 'a\n[Match]\nName=*'
  for (const more of [{ hostName: evil }, { dns: [evil] }, { searchDomains: [evil] }, { ntp: [evil] }])
    t.not(settingProblems(settingsOf(more)).length, 0)
  const address = { method: 'static', address: `192.0.2.1/24\n[Route]`, gateway: null } as const
  t.not(settingProblems(settingsOf({ ipv4: address })).length, 0)
})

void t.test('files of tagged and untagged networks', async t => {
  const plain = renderHostFiles(settingsOf({ mtu: 9000 }))
  t.match(
    plain.get('systemd/network/10-ossea.network'),
    /Name=port0[\s\S]*MTUBytes=9000[\s\S]*Address=192\.0\.2\.10\/24/,
  )
  t.equal(plain.get('systemd/network/10-ossea-vlan.netdev'), null, 'an older tag is taken away')
  const tagged = renderHostFiles(settingsOf({ vlan: 120 }))
  t.match(tagged.get('systemd/network/10-ossea.network'), 'Name=mgmt.120')
  t.match(tagged.get('systemd/network/10-ossea-vlan.netdev'), 'Id=120')
  t.match(tagged.get('systemd/network/10-ossea-parent.network'), /Name=port0[\s\S]*VLAN=mgmt\.120/)
})
