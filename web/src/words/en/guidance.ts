/** What to do now, by hazard: plain words for the owner, a check list for the electrician. */
export default {
  haste: {
    alarm: 'Act now: the alarm level has been passed.',
    warning: 'Act soon: the warning level has been passed, not yet the alarm level.',
    returned: 'Back within the limit, but the cause may still be there: find it before closing this.',
    fault: 'Have it repaired: until then nobody may be watching here.',
    switch_failed: 'Send an electrician now: where the switch stands is unknown; treat the circuit as live.',
    unassigned_alarm: 'Look now: a component reports a fire alarm, and no detector here stands for it.',
    predicted: 'Nothing is over its limit yet: weeks of measurements foretell it. Have it looked at within days.',
  },
  residual_current: {
    owner: {
      1: 'The wiring may be leaking current. Do not touch appliances or metal cases on this circuit, least of all where it is wet.',
      2: 'Switch off whatever was just turned on or got wet; if the alarm stays, open this circuit’s breaker.',
      3: 'Call an electrician, and leave the breaker open until the cause is known.',
      4: 'If someone gets a shock, cut the power before touching them, then call an ambulance.',
    },
    electrician: {
      1: 'Look at the curve: a sudden rise means damaged insulation or water in an appliance, a slow climb means damp or ageing wiring.',
      2: 'Open the final circuits one by one and find with a leakage clamp the one that brings the reading down.',
      3: 'With the supply off, measure insulation of line and neutral to earth at 500 V: not less than 0.5 MΩ.',
      4: 'Make sure the neutral is not earthed again behind the detector nor shared with another circuit, and that all lines and the neutral pass through the transformer.',
      5: 'Take off the normal leakage (inverters, switched supplies, long cables) before judging whether the limit fits.',
    },
  },
  over_temperature: {
    owner: {
      1: 'A connection is overheating and may catch fire. Switch off the heavy appliances on this circuit.',
      2: 'If you smell burning or see smoke or discolouring, open the main switch, leave, and call the fire brigade.',
      3: 'Clear everything away from the panel and call an electrician at once.',
      4: 'Never use water on live equipment; keep a powder extinguisher at hand.',
    },
    electrician: {
      1: 'Compare temperature and current of the other phases: one hot phase at a similar current is a loose or oxidised joint; all hot is overload or poor cooling.',
      2: 'Isolate, prove dead, tighten the terminals to their torque; look for discolouring, melting, copper joined directly to aluminium.',
      3: 'Check that conductor size and breaker rating match.',
      4: 'Make sure the probe is fixed firmly and to the phase that its label says.',
      5: 'After switching on, watch for 30 minutes at the same load: the rise should be clearly lower.',
    },
  },
  over_voltage: {
    owner: {
      1: 'The voltage is too high and destroys appliances. Unplug what is valuable or delicate.',
      2: 'If lamps are unusually bright or flicker, open the main switch and call an electrician or the utility.',
    },
    electrician: {
      1: 'Measure each phase: one up and another down points to a broken or poor neutral first of all.',
      2: 'All three high: check the transformer tap, and ask the utility.',
      3: 'Do not supply single-phase loads before the neutral is sound.',
      4: 'Check surge protection and equipment that was exposed.',
    },
  },
  under_voltage: {
    owner: {
      1: 'The voltage is too low; motors and refrigeration overheat. Stop air conditioners, freezers and pumps for now.',
      2: 'If the neighbours have it too, call the utility.',
    },
    electrician: {
      1: 'Compare incoming and final voltage: low at the incomer is the supply; low only at the end is cable size, length or joints.',
      2: 'See on the current curve whether a large load starting causes it.',
      3: 'Check the joints at each level for heat and voltage drop.',
      4: 'If it stays low, ask the utility for more capacity or another tap.',
    },
  },
  overload: {
    owner: {
      1: 'More is being drawn than the wiring can bear, and it heats up. Switch off some of the heavy appliances.',
      2: 'Do not fit a larger breaker to “solve” it: then the wire burns first.',
      3: 'If it happens often, have an electrician add a circuit.',
    },
    electrician: {
      1: 'Check load current, breaker rating and current-carrying capacity of the conductor against one another.',
      2: 'See whether the temperature follows the current; above 70 °C reduce the load first.',
      3: 'Check the balance of the phases, and look for added or improper loads.',
      4: 'Propose splitting the circuit, more capacity, or use at other hours.',
    },
  },
  phase_loss: {
    owner: {
      1: 'One of three phases is missing; motors can burn out quickly. Stop three-phase machines at once.',
      2: 'Do not keep trying to start them; call an electrician or the utility.',
    },
    electrician: {
      1: 'Measure the three phases level by level from the incomer and find where one goes missing.',
      2: 'Check fuses, breaker contacts and terminals; if it is missing at the incomer, call the utility.',
      3: 'Check whether motors have overheated.',
      4: 'After repair check the phase sequence before starting motors.',
    },
  },
  short_circuit: {
    owner: {
      1: 'There is a short circuit. Do not close the breaker, do not touch wiring or sockets.',
      2: 'If you see sparks or smoke, open the main switch, leave, and call the fire brigade.',
      3: 'Leave it off until an electrician has found the place.',
    },
    electrician: {
      1: 'Disconnect all loads, measure insulation between phases and to earth, find the place.',
      2: 'Inspect the breaker that cleared it; replace it if contacts or case are damaged.',
      3: 'Then switch on circuit by circuit and watch.',
      4: 'Check the breaker’s breaking capacity and its settings.',
    },
  },
  arc_fault: {
    owner: {
      1: 'Something is sparking in the wiring and can set things near it on fire. Open this circuit’s breaker.',
      2: 'Look for loose or blackened plugs and sockets, and stop using them.',
      3: 'Clear away cardboard, cloth and other things that burn.',
      4: 'If you smell burning or see sparks, open the main switch and call the fire brigade.',
    },
    electrician: {
      1: 'Check all joints, sockets and boxes of this circuit for looseness and burns.',
      2: 'Look for crushed, bent or gnawed cable, above all in door gaps, behind furniture and above ceilings.',
      3: 'Tell it from the normal arcs of drills or old lamps by switching loads off one by one.',
      4: 'Measure the insulation and compare it with the record from commissioning.',
      5: 'Replace damaged cable and sockets; tape is no repair.',
    },
  },
  power_failure: {
    owner: {
      1: 'The power is out here. See first whether it is an unpaid bill or a planned outage.',
      2: 'Switch off heavy appliances so that the return of power does no harm; mind freezers and the like.',
    },
    electrician: {
      1: 'Find out whether the supply failed or a breaker here tripped.',
      2: 'If a breaker tripped, find the cause before closing it; do not force it.',
      3: 'Check under-voltage release, standby supply and emergency lighting.',
      4: 'Restore circuit by circuit and watch current and voltage.',
    },
  },
  offline: {
    owner: {
      1: 'The detector has lost contact: nobody watches here for now. See whether it has power and its lamp is lit.',
      2: 'If the whole place has no power, it comes back by itself with the power.',
    },
    electrician: {
      1: 'Look at the last signal strength and supply state before it went silent.',
      2: 'Check its supply, antenna and SIM card (unpaid, poor contact).',
      3: 'If several nearby went silent together, check the supply and the network first, not each device.',
    },
  },
  sensor_open: {
    owner: { 1: 'A probe is disconnected, so this circuit is not measured. No direct danger; have an electrician look.' },
    electrician: {
      1: 'Check plug and leads of the probe.',
      2: 'Measure its resistance against the data sheet; replace it if it differs.',
      3: 'A channel without a probe should be switched off in the device.',
    },
  },
  sensor_short: {
    owner: { 1: 'A probe is shorted, so this circuit is not measured. No direct danger; have an electrician look.' },
    electrician: {
      1: 'Check the leads for crushing and water.',
      2: 'If it stays with the probe unplugged, the device’s port is at fault.',
      3: 'After replacing the probe compare its reading with a hand-held meter.',
    },
  },
  device_fault: {
    owner: { 1: 'The detector has found a fault in itself and may not watch properly. Have it checked or replaced.' },
    electrician: {
      1: 'Read the fault code on the panel and the status bits in the telegram log.',
      2: 'Restart it once; if it stays, replace it and note the serial number.',
      3: 'After replacement bind it to its circuit again and run a self-test.',
    },
  },
  implausible: {
    owner: { 1: 'The reading cannot be real: most likely the probe or the device is at fault. Have an electrician look.' },
    electrician: {
      1: 'Check raw value, scale and register in the telegram log.',
      2: 'Check the transformer’s ratio and direction.',
      3: 'Compare with a hand-held meter.',
    },
  },
  frozen: {
    owner: { 1: 'The detector is on line but has sent nothing new for long, so the state of the circuit is not known. Have an electrician look.' },
    electrician: {
      1: 'Change the load and see whether the reading follows.',
      2: 'Check that the probe is still on the conductor and that the device has not hung; restart it if need be.',
      3: 'See in the telegram log whether the raw value is frozen too.',
    },
  },
  clock_wrong: {
    owner: { 1: 'The device’s clock is wrong, so times may be off. Alarms still work; have an electrician see to it.' },
    electrician: {
      1: 'Set the clock again; if it returns, the clock’s battery is usually empty.',
      2: 'Until then go by the platform’s time of receipt.',
      3: 'Check the device’s zone against the platform’s.',
    },
  },
  supply_lost: {
    owner: {
      1: 'The detector has lost its supply and runs on its battery, not for long. Check its switch.',
      2: 'If someone opened its switch by mistake, close it again.',
    },
    electrician: {
      1: 'Check its supply circuit, fuse and terminals.',
      2: 'Check the battery and restore the supply soon.',
      3: 'Label the circuit that supplies the detector so that it is not opened again.',
    },
  },
  weak_signal: {
    owner: { 1: 'The detector’s signal is weak and alarms may come late. No direct danger; have an electrician see to it.' },
    electrician: {
      1: 'Check that the antenna is tight and not behind a metal door.',
      2: 'Fit an external antenna, or a SIM of another operator.',
      3: 'Note the signal strength where it hangs; add a repeater if need be.',
    },
  },
  switch_failed: {
    owner: {
      1: 'A breaker was told to open or close and did not move. Treat the circuit as live.',
      2: 'Keep people away from it until an electrician has looked.',
    },
    electrician: {
      1: 'Go to the breaker and see where it stands; do not trust the screen.',
      2: 'Check its drive, its supply and whether it is locked or set to manual.',
      3: 'Once sure on site, send the command again: the fault ends when it is carried out. If the switch is where it should be after all, acknowledge the alarm and reset it with the reason.',
    },
  },
  unassigned_alarm: {
    owner: {
      1: 'A fire monitor on this site reports a fire alarm that belongs to no detector here. Have the monitor’s own display looked at now.',
      2: 'If there is smoke, smell or heat, leave and call the fire brigade.',
    },
    electrician: {
      1: 'Read on the terminal’s events, or on the monitor, which component it is; go there.',
      2: 'Add a detector with that component’s address, such as 128.1/3, so that its next alarm stands in its place.',
      3: 'Once the component is well again, acknowledge this alarm and reset it with the reason: it does not end by itself.',
    },
  },
  temperature_rise: {
    owner: {
      1: 'A conductor here is heating up unusually fast, though it may not be hot yet. Switch off the heavy appliances on this circuit.',
      2: 'If you smell burning or see smoke, open the main switch, leave, and call the fire brigade.',
      3: 'Call an electrician now: do not wait for the temperature alarm.',
    },
    electrician: {
      1: 'Compare with the current: a rise without more current is a joint that is failing; with more current, find what was switched on.',
      2: 'Compare the phases: one alone points to its terminal, all together to overload or blocked cooling.',
      3: 'Isolate, prove dead, tighten and inspect the joint and its neighbours.',
      4: 'Make sure the probe was not moved or warmed from outside, then watch for 30 minutes at the same load.',
    },
  },
  current_unbalance: {
    owner: {
      1: 'One phase carries far more than the others. Nothing need be switched off at once; do not add appliances to the full phase.',
      2: 'Have an electrician spread the appliances over the phases.',
    },
    electrician: {
      1: 'Measure each phase and list what is connected to it.',
      2: 'Make sure that no phase is missing: a blown fuse or an open contact looks the same.',
      3: 'Check the current and the joints of the neutral, which carries the difference.',
      4: 'Move single-phase loads until the phases differ by no more than a third at full load.',
    },
  },
  voltage_unbalance: {
    owner: {
      1: 'The voltages of the three phases differ too much: motors overheat and appliances may be damaged. Stop three-phase machines if you can.',
      2: 'Call an electrician: the neutral may be loose.',
    },
    electrician: {
      1: 'Measure the phases against neutral and against each other, at the incomer and at the end.',
      2: 'Different against neutral but equal against each other: the neutral is bad; find the loose joint before anything else.',
      3: 'Different at the incomer too: ask the utility.',
      4: 'After repair check motors for heat and run them at reduced load first.',
    },
  },
  neutral_overload: {
    owner: {
      1: 'The neutral carries more than it can bear, and no breaker watches it: it can overheat unseen.',
      2: 'Switch off part of the lamps, computers and chargers on this circuit.',
      3: 'Call an electrician soon; if you smell burning, open the main switch.',
    },
    electrician: {
      1: 'Measure phases and neutral: a neutral above the difference of the phases carries harmonics of LED lamps, computers, chargers.',
      2: 'Check the neutral’s cross-section: with such loads it should be no less than that of the phases.',
      3: 'Inspect the neutral’s terminals for heat and tighten them with the supply off.',
      4: 'Spread or filter the loads that make harmonics, or lay a larger neutral.',
    },
  },
  phase_sequence: {
    owner: {
      1: 'The phases are connected in the wrong order: motors would turn backwards. Do not start lifts, pumps or fans.',
      2: 'Call an electrician before three-phase machines are used again.',
    },
    electrician: {
      1: 'Check with a phase sequence meter at the incomer, then level by level.',
      2: 'Ask what was connected lately: a generator, a temporary supply, a replaced cable.',
      3: 'Exchange two phases where the order changes, and start motors only after checking again.',
    },
  },
  leakage_per_load: {
    owner: {
      1: 'The more is switched on here, the more current leaks: one of the appliances is probably bad. Do not touch cases of metal with wet hands.',
      2: 'Note what was running, and show it to the electrician.',
    },
    electrician: {
      1: 'Switch the loads off one by one and watch the reading: the one that takes the leakage with it is the cause.',
      2: 'Measure its insulation to earth at 500 V, hot as well as cold: heating elements fail when warm.',
      3: 'Make sure that the neutral is not earthed again behind the detector: that too follows the load.',
      4: 'If many appliances each leak a little, spread them over circuits and set the limit for what is left.',
    },
  },
  sensor_zero: {
    owner: { 1: 'The residual current reads exactly zero although power is used: most likely the transformer is not connected, and leakage would go unseen. Have an electrician look.' },
    electrician: {
      1: 'Check that all lines and the neutral pass through the transformer, and that its leads are plugged in.',
      2: 'Press the test button or leak 30 mA on purpose: the reading must follow.',
      3: 'Check in the device that the channel is on and its ratio is set.',
    },
  },
  sensor_stuck: {
    owner: { 1: 'A reading has not changed for a day while the load did: the probe or the device hangs, and nothing new would be seen. Have an electrician look.' },
    electrician: {
      1: 'Change the load or warm the probe by hand and see whether the reading follows.',
      2: 'Check that the probe still sits on the conductor; restart the device if it hangs.',
      3: 'If the raw value in the telegram log stays the same, replace probe or device.',
    },
  },
  sensor_jump: {
    owner: { 1: 'The temperature reading jumps in a way no wire can: a loose probe lead, most likely. Limits are still watched; have an electrician look.' },
    electrician: {
      1: 'Wiggle the probe’s lead and plug and watch the reading; tighten or replace them.',
      2: 'Check that the lead does not run beside cables of contactors or inverters.',
      3: 'Compare with a hand-held thermometer afterwards.',
    },
  },
  sensor_drift: {
    owner: { 1: 'One temperature differs from its neighbours even when nothing is switched on: the probe no longer reads right. Have an electrician look.' },
    electrician: {
      1: 'Compare each probe with a hand-held thermometer while there is no load.',
      2: 'Make sure no heater, sun or transformer warms just this one.',
      3: 'Replace the probe that is off, and note it.',
    },
  },
  predicted_terminal: {
    owner: {
      1: 'A connection in the panel is working loose and heats more from week to week. Nothing is too hot yet. Have an electrician come within days.',
      2: 'Until then spread the heavy appliances over the day. If you smell burning, open the main switch and call the fire brigade.',
    },
    electrician: {
      1: 'Read the finding: which conductor, how much more heat per ampere squared, and when it reaches the limit.',
      2: 'Isolate, prove dead, and tighten the terminal of that conductor to the maker’s torque; look for discolouring and oxide.',
      3: 'Look at the neighbours of that terminal and at the lugs; replace what has been hot.',
      4: 'Say on this alarm what it was. If it was the terminal, the curve falls back within a week.',
    },
  },
  predicted_insulation: {
    owner: {
      1: 'The wiring or an appliance on this circuit leaks more from week to week and will pass the limit soon. Have an electrician come within days.',
      2: 'Keep the circuit dry, and do not use appliances with damaged cables on it.',
    },
    electrician: {
      1: 'Read the finding: how many milliamperes a week, and from when to when the limit is reached.',
      2: 'With the supply off, measure the insulation of line and neutral to earth at 500 V, final circuit by final circuit.',
      3: 'Look at what is wet, old or was added in these weeks: outdoor cables, heaters, water pumps, surge arresters.',
      4: 'Say on this alarm what it was. If it was new equipment with its own leakage, dismiss the finding with that reason.',
    },
  },
  predicted_overload: {
    owner: {
      1: 'The load of this circuit grows and will reach what it was built for. Do not connect more appliances to it.',
      2: 'Have an electrician check within days whether a part of the load has to go to another circuit.',
    },
    electrician: {
      1: 'Read the finding: the day’s peak in per cent of the rated current, how fast it grows, and when it reaches it.',
      2: 'Find with the curve when the peak comes and which appliances make it; move what can run at another time.',
      3: 'Check cable, breaker and rated current of the circuit against what is connected now.',
      4: 'Say on this alarm what it was. If the growth is a season that ends, dismiss the finding with that reason.',
    },
  },
};
