// Process of a plug-in: what its code does costs a call, never this service.
import { runPluginChild } from '@rookery/plugin/child';

runPluginChild();
