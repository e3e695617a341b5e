// The script of a page: defines the element.

import { EvergrantStatus, defineEvergrantElements } from './element.js';

defineEvergrantElements();

export { EvergrantStatus, defineEvergrantElements };
