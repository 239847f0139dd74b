/**
 * The module that the worker of `TalkingHeadSender` and `TalkingHeadReceiver` runs. `npx visavis assets` puts
 * it, bundled, beside the models; an application's own worker may import it.
 */
import { servePipelines } from './worker/host.js';

servePipelines(globalThis);
