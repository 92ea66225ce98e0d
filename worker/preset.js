// The load option `preset`: settings for a kind of device, with the reasons for them.

/** @import { LoadOptions } from './schema.js' */

/** @typedef {'mobile' | 'laptop' | 'desktop'} PresetName */

/**
 * What a page can find out about its device; undefined where the browser does not tell.
 * @typedef {object} Device
 * @property {number} cores logical processors
 * @property {boolean} isolated whether threads can share memory here
 * @property {number | undefined} memoryGiB as `navigator.deviceMemory` rounds it, in Chromium alone
 * @property {boolean | undefined} touch whether a finger is the only pointer
 * @property {boolean | undefined} saveData whether the user wants to save data
 * @property {boolean | undefined} onBattery whether it runs on its battery
 */

/**
 * The settings that a preset chooses.
 * @typedef {object} PresetOptions
 * @property {number} threads at most: as with `threads: 'auto'`, fewer are used where these are faster
 * @property {number} context tokens at most; fewer where the model or memory allows no more
 * @property {'fast' | 'exact'} precision
 * @property {number} maxConcurrent
 */

/**
 * What a preset has chosen, and why.
 * @typedef {object} PresetChoice
 * @property {PresetName} name
 * @property {PresetOptions} options in force, where `overridden` does not name them
 * @property {(keyof PresetOptions)[]} overridden those that `load` was told otherwise
 * @property {string[]} reasons a sentence each
 * @property {Device} device
 */

/** @type {Record<PresetName, PresetOptions>} */
const PRESETS = {
  // Half of a phone's cores are slow ones, and every pass waits for the slowest thread.
  mobile: { threads: 4, context: 2048, precision: 'fast', maxConcurrent: 2 },
  laptop: { threads: 6, context: 4096, precision: 'fast', maxConcurrent: 4 },
  desktop: { threads: 8, context: 32_768, precision: 'fast', maxConcurrent: 8 },
};

/** How long the browser may take to tell of the battery, in milliseconds. */
const PATIENCE = 200;

/**
 * @param {boolean} isolated
 * @returns {Promise<Device>}
 */
export async function measureDevice(isolated) {
  /** @type {any} */
  const navigator = globalThis.navigator ?? {};
  const is = (/** @type {string} */ query) => globalThis.matchMedia?.(query).matches;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const battery = await Promise.race([navigator.getBattery?.().catch(() => {}), late]);
  const coarse = is('(pointer: coarse)');
  return {
    cores: navigator.hardwareConcurrency ?? 1,
    isolated,
    memoryGiB: navigator.deviceMemory,
    touch: navigator.userAgentData?.mobile || (coarse && !is('(any-pointer: fine)')),
    saveData: navigator.connection?.saveData,
    onBattery: battery && !battery.charging,
  };
}

/**
 * The preset for a device. A pure function, so that every case is tested without the device.
 * @param {PresetName | 'auto'} wanted
 * @param {Device} device
 * @param {Pick<LoadOptions, keyof PresetOptions>} asked what `load` was told: it wins
 * @returns {PresetChoice}
 */
export function choosePreset(wanted, device, asked) {
  /** @type {string[]} */
  const reasons = [];
  const name = wanted === 'auto' ? kindOf(device, reasons) : wanted;
  if (wanted !== 'auto') reasons.push(`${name}: asked for by the option preset.`);
  const options = { ...PRESETS[name] };
  const { cores, isolated, onBattery, saveData } = device;

  if (!isolated) {
    options.threads = 1;
    reasons.push('1 thread: the page is not cross-origin isolated.');
  } else {
    options.threads = Math.max(1, Math.min(options.threads, cores));
    reasons.push(`At most ${count(options.threads, 'thread')}: the preset allows ${PRESETS[name].threads}, and ${there(cores)}.`);
  }
  if (wanted === 'auto' && onBattery) {
    options.threads = Math.max(1, Math.ceil(options.threads / 2));
    options.maxConcurrent = Math.max(1, options.maxConcurrent / 2);
    reasons.push(`Half of that, ${options.threads}, and ${count(options.maxConcurrent, 'request')} at once: the device runs on its battery.`);
  }
  reasons.push(`A context of at most ${options.context} tokens, where the model and WebAssembly's memory allow it.`);
  reasons.push(`Precision 'fast': keys and values take a quarter of the memory.`);
  if (saveData) reasons.push('The user saves data: keep the download (cache: true), and choose a small model.');

  const overridden = /** @type {(keyof PresetOptions)[]} */ (Object.keys(options)).filter((option) => asked[option] !== undefined);
  for (const option of overridden) reasons.push(`${option}: ${asked[option]}, as load was told.`);
  return { name, options, overridden, reasons, device };
}

/** @param {number} number @param {string} noun */
const count = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** @param {number} cores */
const there = (cores) => `there ${cores === 1 ? 'is' : 'are'} ${count(cores, 'processor')}`;

/**
 * @param {Device} device
 * @param {string[]} reasons
 * @returns {PresetName}
 */
function kindOf({ cores, memoryGiB, touch, saveData, onBattery }, reasons) {
  const because = (/** @type {PresetName} */ name, /** @type {string} */ reason) => {
    reasons.push(`${name}: ${reason}.`);
    return name;
  };
  if (touch) return because('mobile', 'a finger is the only pointer');
  if (memoryGiB !== undefined && memoryGiB <= 4) return because('mobile', `the device has about ${memoryGiB} GiB of memory`);
  if (cores <= 2) return because('mobile', there(cores));
  if (onBattery !== undefined && onBattery) return because('laptop', 'the device has a battery, and runs on it');
  if (saveData) return because('laptop', 'the user saves data');
  if (cores < 8) return because('laptop', there(cores));
  if (memoryGiB !== undefined && memoryGiB < 8) return because('laptop', `the device has about ${memoryGiB} GiB of memory`);
  return because('desktop', `${there(cores)}${memoryGiB === undefined ? '' : ` and ${memoryGiB} GiB of memory or more`}`);
}

/**
 * @template {{ precision?: string | undefined, maxConcurrent?: number | undefined }} O
 * @param {O} options
 * @param {PresetChoice | undefined} preset
 * @returns {O & { mostContext?: number }} with what the preset has chosen where nothing was asked for
 */
export function withPreset(options, preset) {
  if (preset === undefined) return options;
  const { context, precision, maxConcurrent } = preset.options;
  return {
    ...options,
    mostContext: context,
    precision: options.precision ?? precision,
    maxConcurrent: options.maxConcurrent ?? maxConcurrent,
  };
}
