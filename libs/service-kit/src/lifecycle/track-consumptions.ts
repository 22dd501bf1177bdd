import type { Bus } from '@rookery/bus';
import type { Stoppable } from '../kit.js';

/** `bus`, but every consumption made through it is told to `track`, so that no service can forget to stop one. */
export function trackConsumptions(bus: Bus, track: (consumption: Stoppable) => void): Bus {
  const consume: Bus['consume'] = async (event, options) => {
    const consumption = await bus.consume(event, options);
    track(consumption);
    return consumption;
  };
  return new Proxy(bus, {
    get(target, property) {
      if (property === 'consume') return consume;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
